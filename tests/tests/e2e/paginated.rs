//! The paginated forms page: name first, then password, in one form (spec passive-sign-in 5.3, check 52), and themes'
//! scripts that were written for AD FS (check 55).

use std::fs;

use anyhow::Result;
use end_to_end::browser::Browser;
use end_to_end::lab::Lab;
use end_to_end::passive::{request, sign_in};

use super::accessibility::{configure, wait_for};

const PASSWORD: &str = "Pass@word1";
const NAME: &str = "alice@contoso.test";

/// What can be seen of the form.
const VISIBLE: &str = "
return ['userNameInput', 'passwordInput', 'submitButton', 'nextButton', 'optionsBackButton']
  .filter(id => document.getElementById(id).checkVisibility()).join(' ');";

async fn visible(browser: &Browser) -> Result<String> {
    browser.evaluate(VISIBLE).await
}

async fn paginate(browser: &Browser, lab: &Lab) -> Result<()> {
    configure(lab, "[web]\nenable_paginated_authentication_pages = true\n")?;
    let there = "return !!document.querySelector('.paginatedPageForm')";
    wait_for(browser, lab, there).await
}

#[tokio::test]
async fn the_name_comes_first_and_one_request_carries_both() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    paginate(&browser, &lab).await?;
    browser.open(&request(lab.outside(), &[])?).await?;
    assert_eq!(visible(&browser).await?, "userNameInput nextButton");
    assert_eq!(browser.focused().await?, "userNameInput");

    // By the keyboard alone: what is no name goes no further.
    browser.type_text("alice").await?;
    browser.press_enter().await?;
    assert_eq!(visible(&browser).await?, "userNameInput nextButton");
    assert!(browser.text("errorText").await?.contains("user@domain"));
    browser.fill("userNameInput", NAME).await?;
    browser.press_enter().await?;
    let password_step = "passwordInput submitButton optionsBackButton";
    assert_eq!(visible(&browser).await?, password_step);
    assert_eq!(browser.focused().await?, "passwordInput");
    let mistake: String = browser
        .evaluate("return document.getElementById('errorText').textContent")
        .await?;
    assert_eq!(mistake, "");
    assert_eq!(browser.text("identityBanner").await?, NAME);

    browser.click("optionsBackButton").await?;
    assert_eq!(visible(&browser).await?, "userNameInput nextButton");
    assert_eq!(browser.focused().await?, "userNameInput");
    browser.click("nextButton").await?;

    // After a wrong password the name is known.
    browser.type_text("wrong").await?;
    browser.press_enter().await?;
    browser
        .wait_for_text("errorText", "Incorrect user ID")
        .await?;
    assert_eq!(visible(&browser).await?, password_step);
    assert_eq!(browser.text("identityBanner").await?, NAME);
    assert_eq!(browser.focused().await?, "passwordInput");
    browser.type_text(PASSWORD).await?;
    browser.press_enter().await?;
    assert_eq!(browser.text("upn").await?, NAME);
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());

    // Who does not read pages, or has no scripts, has the whole form.
    let client = lab.client()?;
    let user = lab.contract().user("alice")?;
    sign_in(&client, &request(lab.outside(), &[])?, user).await?;
    Ok(())
}

/// In the manner of the three kinds of script that organisations publish for AD FS: texts and illustration, a name that
/// is completed with the domain, and the same for the paginated page.
const SCRIPTS: [(&str, &str); 3] = [
    (
        "texts",
        "
var loginMessage = document.getElementById('loginMessage');
if (loginMessage) { loginMessage.innerHTML = 'Sign in with your Contoso account'; }
if (navigator.userAgent.match(/iPhone/i) != null) {
  var emails = document.querySelectorAll(\"input[type='email']\");
  for (var i = 0; i < emails.length; i++) { emails[i].type = 'text'; }
}
computeLoadIllustration();
getStyle(document.getElementById('branding'), 'background-image');
var list = document.getElementById('idp_RelyingPartyDropDownList');
if (list) { list.focus(); }
if (typeof HRD !== 'undefined' && document.getElementById('hrd')) { HRD.selection('AD AUTHORITY'); }
document.body.dataset.theme = 'done';",
    ),
    (
        "domain",
        "
if (typeof Login != 'undefined') {
  Login.submitLoginRequest = function () {
    var u = new InputUtil();
    var e = new LoginErrors();
    var userName = document.getElementById(Login.userNameInput);
    var password = document.getElementById(Login.passwordInput);
    if (userName.value && !userName.value.match('[@\\\\\\\\]')) {
      document.forms['loginForm'].UserName.value = 'contoso\\\\' + userName.value;
    }
    if (!userName.value) { u.setError(userName, e.userNameFormatError); return false; }
    if (!password.value) { u.setError(password, e.passwordEmpty); return false; }
    if (password.value.length > maxPasswordLength) { u.setError(password, e.passwordTooLong); return false; }
    document.forms['loginForm'].submit();
    return false;
  };
  InputUtil.setInitialFocus(Login.userNameInput);
  InputUtil.makePlaceholder(Login.userNameInput);
}
document.body.dataset.theme = 'done';",
    ),
    (
        "paginated",
        "
if (typeof PaginationManager != 'undefined') {
  PaginationManager.validateAndNext = function () {
    InputUtil.clearError();
    var userName = document.getElementById(Login.userNameInputHolder);
    if (!userName.value) { new InputUtil().setError(userName, new LoginErrors().userNameFormatError, false); return false; }
    if (!userName.value.match('[@\\\\\\\\]')) { userName.value = 'contoso\\\\' + userName.value; }
    paginationManager._self.updatePagesWithUsername();
    if (paginationManager._self.options.pages.length > 1) { paginationManager.displayNextPage(); }
    return false;
  };
}
document.body.dataset.theme = 'done';",
    ),
];

#[tokio::test]
async fn scripts_that_were_written_for_ad_fs_run_and_do_their_work() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let web = lab.contract().config.adfs.with_file_name("web");
    fs::create_dir_all(&web)?;
    for (name, script) in SCRIPTS {
        if name == "paginated" {
            paginate(&browser, &lab).await?;
        }
        // The name of the script tells that this one has arrived, and not the one before.
        let script = format!("{script}\ndocument.body.dataset.script = '{name}';");
        fs::write(web.join("onload.js"), script)?;
        let arrived = format!(
            "return document.body.dataset.script === '{name}' && document.body.dataset.theme === 'done'"
        );
        wait_for(&browser, &lab, &arrived).await?;
        if name != "texts" {
            browser.fill("userNameInput", "alice").await?;
            if name == "paginated" {
                browser.press_enter().await?;
                assert_eq!(browser.text("identityBanner").await?, "contoso\\alice");
            }
            browser.fill("passwordInput", PASSWORD).await?;
            browser.press_enter().await?;
            assert_eq!(browser.text("upn").await?, NAME, "{name}");
            browser.forget(&lab.outside().join("/adfs/ls/")?).await?;
        } else {
            let heading = browser.text("loginMessage").await?;
            assert_eq!(heading, "Sign in with your Contoso account");
        }
        assert_eq!(
            browser.console_errors().await?,
            Vec::<String>::new(),
            "{name}"
        );
    }
    Ok(())
}
