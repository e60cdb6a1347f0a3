// The names in this file (Login, LoginErrors, InputUtil, SelectOption, ...) are those that existing AD FS themes call.
// Every page works without it: it adds checks before the round trip, the password switch and the return after sign-out.
"use strict";

document.documentElement.classList.add("js");

var maxPasswordLength = 128;

function LoginErrors() {
  var data = (document.getElementById("loginForm") || document.body).dataset;
  this.userNameFormatError = data.userNameFormat || "";
  this.passwordEmpty = data.passwordEmpty || "";
  this.passwordTooLong = data.passwordTooLong || "";
}

function InputUtil(errorTextElementId, errorDisplayElementId) {
  this.errorLabel = document.getElementById(errorTextElementId || "errorText");
  this.errorDisplay = document.getElementById(errorDisplayElementId || "error");
  this.hasFocus = false;
}
InputUtil.prototype.canDisplayError = function () { return !!this.errorLabel; };
InputUtil.prototype.setError = function (input, message) {
  if (this.errorLabel) {
    this.errorLabel.textContent = message;
    if (input) { this.errorLabel.setAttribute("for", input.id); }
  }
  if (input) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
};
InputUtil.prototype.checkError = function () { return !!(this.errorLabel && this.errorLabel.textContent); };
InputUtil.prototype.clearError = function () {
  if (this.errorLabel) { this.errorLabel.textContent = ""; }
  document.querySelectorAll("[aria-invalid]").forEach(function (input) { input.removeAttribute("aria-invalid"); });
};
// Themes for the paginated page call this one without an instance.
InputUtil.clearError = function () { new InputUtil("errorText", "error").clearError(); };
InputUtil.prototype.setInitialFocus = function (input) {
  if (input && !this.hasFocus) { this.hasFocus = true; input.focus(); }
};
InputUtil.prototype.makePlaceholder = function () {};
InputUtil.setInitialFocus = function (id) { var input = document.getElementById(id); if (input) { input.focus(); } };
InputUtil.makePlaceholder = function () {};
InputUtil.focus = InputUtil.setInitialFocus;
InputUtil.hasClass = function (element, name) { return element.classList.contains(name); };

function Login() {}
Login.userNameInput = "userNameInput";
Login.passwordInput = "passwordInput";
Login.userNameInputHolder = "userNameInput";
Login.checkUserName = function () {
  var util = new InputUtil("errorText", "error");
  var userName = document.getElementById(Login.userNameInput);
  util.clearError();
  if (/[@\\]/.test(userName.value)) { return true; }
  PaginationManager.show(0);
  util.setError(userName, new LoginErrors().userNameFormatError);
  return false;
};
Login.check = function () {
  if (!Login.checkUserName()) { return false; }
  var util = new InputUtil("errorText", "error");
  var errors = new LoginErrors();
  var password = document.getElementById(Login.passwordInput);
  if (!password.value) { util.setError(password, errors.passwordEmpty); return false; }
  if (password.value.length > maxPasswordLength) { util.setError(password, errors.passwordTooLong); return false; }
  return true;
};
// Themes replace this function to add their own checks, so the form calls it by name at every submission.
Login.submitLoginRequest = function () {
  if (!Login.check()) { return false; }
  var form = document.getElementById("loginForm");
  var button = form.querySelector("#submissionArea .submitFrame");
  if (button.getAttribute("aria-busy") === "true") { return false; }
  button.setAttribute("aria-busy", "true");
  form.submit();
  return false;
};

// The paginated page: name and password are fields of one form, shown one after the other. Themes replace
// `validateAndNext` to add their own checks, so it is called by name.
var PaginationManager = {
  options: { pages: ["usernamePage", "passwordPage"], currentPageIndex: 0 },
  form: function () { return document.querySelector("#loginForm.paginatedPageForm"); },
  Initialize: function (options) {
    if (options && Array.isArray(options.pages)) { PaginationManager.options.pages = options.pages; }
    PaginationManager.show((options && options.currentPageIndex) || 0);
  },
  show: function (index) {
    var form = PaginationManager.form();
    var pages = PaginationManager.options.pages;
    if (!form || !pages[index]) { return; }
    PaginationManager.options.currentPageIndex = index;
    pages.forEach(function (page, number) { form.classList.toggle(page, number === index); });
    PaginationManager.updatePagesWithUsername();
  },
  isLast: function () { return PaginationManager.options.currentPageIndex === PaginationManager.options.pages.length - 1; },
  updatePagesWithUsername: function () {
    var banner = document.getElementById("identityBanner");
    if (banner) { banner.textContent = document.getElementById(Login.userNameInput).value; }
  },
  displayNextPage: function () {
    PaginationManager.show(PaginationManager.options.currentPageIndex + 1);
    InputUtil.focus(Login.passwordInput);
  },
  displayPreviousPage: function () {
    InputUtil.clearError();
    PaginationManager.show(PaginationManager.options.currentPageIndex - 1);
    InputUtil.focus(Login.userNameInput);
  },
  validateAndNext: function () {
    if (Login.checkUserName()) { PaginationManager.displayNextPage(); }
    return false;
  }
};
PaginationManager._self = PaginationManager;
var paginationManager = PaginationManager;

function SelectOption(option) {
  document.getElementById("optionSelection").value = option;
  document.getElementById("options").submit();
  return false;
}
function computeLoadIllustration() { return false; }
function getStyle(element, property) { return window.getComputedStyle(element).getPropertyValue(property); }

document.addEventListener("DOMContentLoaded", function () {
  var form = document.getElementById("loginForm");
  if (form) { prepareSignIn(form); }
  var realms = document.getElementById("hrd");
  if (realms) { prepareHomeRealm(realms); }
  var copy = document.getElementById("copyDetails");
  if (copy) { prepareCopy(copy); }
  var signedOut = document.getElementById("signoutArea");
  if (signedOut && signedOut.dataset.return) { returnAfter(signedOut); }
});

// A page that comes back from the back/forward cache must not stay busy.
window.addEventListener("pageshow", function () {
  document.querySelectorAll(".submitFrame").forEach(function (button) { button.removeAttribute("aria-busy"); });
});

function prepareSignIn(form) {
  var userName = document.getElementById(Login.userNameInput);
  var password = document.getElementById(Login.passwordInput);
  // The address keyboard of phones has no backslash, and browsers rewrite international domains in such a field.
  if (userName) { userName.type = "text"; userName.inputMode = "email"; }
  if (PaginationManager.form()) { preparePages(form); }
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    // Enter in the name's step goes on to the password's.
    if (PaginationManager.form() && !PaginationManager.isLast()) { PaginationManager.validateAndNext(); } else { Login.submitLoginRequest(); }
  });
  var reveal = document.getElementById("revealButton");
  if (reveal && password) {
    var show = reveal.textContent;
    reveal.addEventListener("click", function () {
      var shown = password.type === "text";
      password.type = shown ? "password" : "text";
      reveal.textContent = shown ? show : reveal.dataset.hide;
      reveal.setAttribute("aria-pressed", String(!shown));
      password.focus();
    });
    form.addEventListener("submit", function () { password.type = "password"; }, true);
  }
  var hint = document.getElementById("capsLock");
  if (hint && password) {
    ["keydown", "keyup"].forEach(function (name) {
      password.addEventListener(name, function (event) {
        var on = event.getModifierState && event.getModifierState("CapsLock");
        var text = on ? form.dataset.capsLock : "";
        if (hint.textContent !== text) { hint.textContent = text; }
      });
    });
  }
}

function preparePages(form) {
  var first = form.classList.contains("passwordPage") ? 1 : 0;
  PaginationManager.Initialize({ pages: ["usernamePage", "passwordPage"], currentPageIndex: first });
  InputUtil.focus(first ? Login.passwordInput : Login.userNameInput);
  form.querySelector(".nextFrame").addEventListener("click", function () { PaginationManager.validateAndNext(); });
  document.getElementById("optionsBackButton").addEventListener("click", function () { PaginationManager.displayPreviousPage(); });
}

function HRDErrors() {
  var form = document.getElementById("hrd");
  this.invalidSuffix = (form && form.dataset.invalidSuffix) || "";
}

// Themes and automation call these by name.
var HRD = {
  emailInput: "emailInput",
  selection: function (identifier) {
    var field = document.getElementById("hrdSelection");
    field.name = "HomeRealmSelection";
    field.value = identifier;
    document.getElementById("hrd").submit();
    return false;
  },
  showEmailInput: function () { HRD.fold(false); document.getElementById("emailInput").focus(); },
  hideEmailInput: function () { HRD.fold(true); },
  fold: function (folded) {
    document.getElementById("byEmail").classList.toggle("folded", folded);
    var button = document.getElementById("otherOrganization");
    if (button) { button.setAttribute("aria-expanded", String(!folded)); }
  },
  submitEmail: function () {
    var input = document.getElementById(HRD.emailInput);
    var at = input.value.lastIndexOf("@");
    if (at < 1 || at === input.value.length - 1) {
      new InputUtil("errorText", "error").setError(input, new HRDErrors().invalidSuffix);
      return false;
    }
    document.getElementById("emailSubmit").click();
    return true;
  }
};

function prepareHomeRealm(form) {
  var other = document.getElementById("otherOrganization");
  if (other) {
    other.addEventListener("click", function () {
      if (document.getElementById("byEmail").classList.contains("folded")) { HRD.showEmailInput(); } else { HRD.hideEmailInput(); }
    });
  }
  var email = document.getElementById(HRD.emailInput);
  if (email) {
    // Enter in the field means the address, not the first tile of the form.
    email.addEventListener("keydown", function (event) {
      if (event.key === "Enter") { event.preventDefault(); HRD.submitEmail(); }
    });
  }
}

function prepareCopy(button) {
  if (!navigator.clipboard) { return; }
  button.classList.add("usable");
  button.addEventListener("click", function () {
    var lines = [];
    document.querySelectorAll("#errorDetailsList dt").forEach(function (term) {
      lines.push(term.textContent + ": " + term.nextElementSibling.textContent);
    });
    navigator.clipboard.writeText(lines.join("\n")).then(function () { button.textContent = button.dataset.copied; });
  });
}

// Leaves the page once the applications' sign-out frames have answered, or after three seconds.
function returnAfter(area) {
  var left = false;
  function leave() { if (!left) { left = true; window.location.replace(area.dataset.return); } }
  var frames = Array.from(area.querySelectorAll("iframe"));
  var waiting = frames.length;
  if (!waiting) { leave(); return; }
  frames.forEach(function (frame) {
    frame.addEventListener("load", function () { waiting -= 1; if (waiting <= 0) { leave(); } });
  });
  window.setTimeout(leave, 3000);
}
