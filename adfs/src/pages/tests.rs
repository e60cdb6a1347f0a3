use super::*;

fn frame() -> Frame<'static> {
    static PLAIN: std::sync::LazyLock<Theme> = std::sync::LazyLock::new(Theme::default);
    Frame::new(
        "Contoso <Ltd>",
        "sts.contoso.test",
        Language::english(),
        &PLAIN,
    )
}

fn sign_in(user_name: &str, error: &str) -> String {
    sign_in_page(user_name, error, false)
}

fn sign_in_page(user_name: &str, error: &str, paginated: bool) -> String {
    SignInPage {
        frame: frame(),
        application: Some("Mail"),
        action: "/adfs/ls/?wa=wsignin1.0&wctx=\"><script>",
        absolute_action: "https://sts.contoso.test:443/adfs/ls/?wa=wsignin1.0",
        user_name,
        error,
        error_field: match error {
            "" => "",
            "user-name-format" => "userNameInput",
            _ => "passwordInput",
        },
        kmsi: false,
        paginated,
    }
    .render()
    .unwrap_or_default()
}

/// Every start tag that has an id or a name: `tag#id[name]`, in document order.
fn outline(html: &str) -> Vec<String> {
    let attribute = |tag: &str, name: &str| -> Option<String> {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    html.split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>').map(|(tag, _)| tag))
        .filter_map(|tag| {
            let id = attribute(tag, "id");
            let name = attribute(tag, "name");
            if tag.starts_with("meta") || (id.is_none() && name.is_none()) {
                return None;
            }
            let kind = tag.split([' ', '/']).next().unwrap_or_default();
            let id = id.map(|id| format!("#{id}")).unwrap_or_default();
            let name = name.map(|name| format!("[{name}]")).unwrap_or_default();
            Some(format!("{kind}{id}{name}"))
        })
        .collect()
}

#[test]
fn the_forms_page_has_the_ids_and_names_that_scrapers_and_themes_know() {
    let expected = "div#noScript div#fullPage div#brandingWrapper div#branding div#contentWrapper div#content div#header \
        main#main div#workArea div#authArea div#loginArea div#loginMessage p#applicationName form#loginForm div#error \
        span#errorText div#formsAuthenticationArea div#userNameArea label#userNameInputLabel \
        input#userNameInput[UserName] div#passwordArea label#passwordInputLabel input#passwordInput[Password] \
        span#capsLock div#kmsiArea input#kmsiInput[Kmsi] div#submissionArea span#submitButton button#revealButton \
        input#optionForms[AuthMethod] div#authOptions form#options input#optionSelection[AuthMethod] div#authOptionLinks \
        div#introduction footer#footerPlaceholder div#footer div#footerLinks div#copyright";
    assert_eq!(
        outline(&sign_in("", "")).join(" "),
        expected.split_whitespace().collect::<Vec<_>>().join(" ")
    );
}

#[test]
fn the_paginated_page_is_the_same_form_with_the_steps_of_the_script() {
    let plain = outline(&sign_in("", ""));
    let paginated = outline(&sign_in_page("", "", true));
    let added = [
        "div#optionsBannerContainer",
        "button#optionsBackButton",
        "span#identityBanner",
        "div#nextButtonArea",
        "span#nextButton",
    ];
    let kept: Vec<&String> = paginated
        .iter()
        .filter(|element| !added.contains(&element.as_str()))
        .collect();
    assert_eq!(kept, plain.iter().collect::<Vec<_>>());
    assert_eq!(paginated.len(), plain.len() + added.len());
    for (name, error, step) in [
        ("", "", "usernamePage"),
        ("alice@contoso.test", "", "passwordPage"),
        ("alice@contoso.test", "incorrect", "passwordPage"),
        ("alice", "user-name-format", "usernamePage"),
    ] {
        let page = sign_in_page(name, error, true);
        let class = format!("id=\"loginForm\" class=\"paginatedPageForm {step}\"");
        assert!(page.contains(&class), "{name} {error}: {page}");
    }
}

#[test]
fn the_forms_page_follows_what_clients_read_from_it() {
    let page = sign_in("o'brien@contoso.test", "incorrect");
    assert!(page.contains(
        r#"<input id="optionForms" type="hidden" name="AuthMethod" value="FormsAuthentication">"#
    ));
    assert!(
        page.contains(r#"<input id="optionSelection" type="hidden" name="AuthMethod">"#),
        "no value attribute"
    );
    let last_form = page.rsplit("<form ").next().unwrap_or_default();
    assert!(
        last_form.contains(r#"id="options""#)
            && last_form.contains("https://sts.contoso.test:443/adfs/ls/")
    );
    assert!(
        page.contains("aria-live=\"assertive\" role=\"alert\">Incorrect user ID or password. ")
    );
    assert!(page.contains("value=\"o&#39;brien@contoso.test\""));
    assert!(
        !page.contains("<script>") && page.contains("&#34;&#62;&#60;script&#62;"),
        "the query is escaped"
    );
    assert!(page.contains("Contoso &#60;Ltd&#62;"));
    for (_, field) in page
        .match_indices("<input")
        .filter_map(|(at, _)| page.get(at..))
        .filter_map(|rest| rest.split_once('>'))
        .map(|(tag, rest)| (rest, tag))
    {
        assert!(
            field.contains(" name=\""),
            "every input has a name: {field}"
        );
    }
}

#[test]
fn the_error_text_is_empty_before_any_attempt() {
    assert!(sign_in("", "").contains("role=\"alert\"></span>"));
}

#[test]
fn no_page_has_inline_script_style_or_handlers_but_the_one_constant_script() {
    let fields = [("wa", "wsignin1.0".to_owned())];
    let auto_post = AutoPostPage::new("https://rp.example:443/", &fields)
        .render()
        .unwrap_or_default();
    assert_eq!(auto_post.matches("<script").count(), 1);
    assert!(auto_post.contains("<script>document.forms[0].submit();</script>"));
    for page in [sign_in("a", "b"), auto_post] {
        assert!(
            !page.contains(" style=") && !page.contains("<style") && !page.contains("javascript:")
        );
        assert!(
            !page.contains(" onclick=")
                && !page.contains(" onload=")
                && !page.contains(" onsubmit=")
        );
    }
}

#[test]
fn the_auto_post_page_has_the_byte_sequences_that_clients_cut_at() {
    let fields = [
        ("wa", "wsignin1.0".to_owned()),
        ("wresult", "<t a=\"1\">&".to_owned()),
        ("wctx", "x\r\ny".to_owned()),
    ];
    let page = AutoPostPage::new("https://rp.example:443/path?a=1&b=2", &fields)
        .render()
        .unwrap_or_default();
    assert!(page.contains("<title>Working...</title>"));
    assert!(page.contains(
        r#"<form method="POST" name="hiddenform" action="https://rp.example:443/path?a=1&amp;b=2">"#
    ));
    assert!(page.contains(
        r#"<input type="hidden" name="wa" value="wsignin1.0" /><input type="hidden" name="wresult" value="&lt;t a=&quot;1&quot;&gt;&amp;" /><input type="hidden" name="wctx" value="x&#13;&#10;y" /><noscript><p>Script is disabled."#
    ));
}

#[test]
fn ports_of_form_targets_are_explicit() {
    let cases = [
        (
            "https://rp.example/path?x=1",
            "https://rp.example:443/path?x=1",
        ),
        (
            "https://login.cloud.localhost:8444/login.srf",
            "https://login.cloud.localhost:8444/login.srf",
        ),
        ("https://[::1]/a", "https://[::1]:443/a"),
    ];
    for (given, expected) in cases {
        assert_eq!(
            Url::parse(given).map(|url| with_explicit_port(&url)),
            Ok(expected.to_owned())
        );
    }
}

#[test]
fn the_error_page_names_activity_and_code_and_the_signed_out_page_its_frames() {
    let id = Uuid::from_u128(7);
    let page = ErrorPage {
        frame: frame(),
        heading: "issuance-heading",
        message: "issuance-message",
        own_message: "",
        activity_id: id,
        relying_party: Some("Mail & more"),
        detailed: true,
        code: Some("MSIS7007"),
        code_text: "unknown",
        time: "Thu, 01 Jan 1970 00:00:00 GMT".to_owned(),
        cookies: "cookies-not-seen",
        open: false,
        retry: None,
    }
    .render()
    .unwrap_or_default();
    for needle in [
        "id=\"errorArea\"",
        "id=\"openingMessage\"",
        "id=\"errorMessage\"",
        "id=\"errorDetailsLink\"",
        &id.to_string(),
        "MSIS7007",
        "Mail &#38; more",
    ] {
        assert!(page.contains(needle), "{needle}");
    }
    let cleanup = ["https://rp.example/?wa=wsignoutcleanup1.0".to_owned()];
    let page = SignedOutPage {
        frame: frame(),
        signed_out: SignedOut::Everywhere,
        target: None,
        cleanup: &cleanup,
    }
    .render()
    .unwrap_or_default();
    assert!(
        page.contains("id=\"signoutArea\"")
            && page.contains("src=\"https://rp.example/?wa=wsignoutcleanup1.0\"")
    );
}

#[test]
fn the_idp_initiated_page_has_the_ids_and_names_of_ad_fs_and_works_without_script() {
    let page = |signed_in: bool, selected: Option<&'static str>| {
        IdpInitiatedPage {
            frame: frame(),
            action: "/adfs/ls/idpinitiatedsignon.aspx?x=\"",
            signed_in,
            user: signed_in.then_some("CONTOSO\\alice"),
            applications: vec![ApplicationChoice {
                id: "0a1b",
                name: "Mail <1>",
            }],
            selected,
            hidden: vec![("Context", "a\"b")],
        }
        .render()
        .unwrap_or_default()
    };
    let outside = outline(&page(false, None)).join(" ");
    for needle in [
        "form#idpForm",
        "input#IsAuthenticated[IsAuthenticated]",
        "input[Context]",
        "p#idp_SignInThisSiteStatusLabel",
        "div#idp_SignInPanel",
        "input#idp_ThisRpRadioButton[SignInIdpSite]",
        "input#idp_OtherRpRadioButton[SignInIdpSite]",
        "div#idp_OtherRpPanel",
        "label#idp_RelyingPartyDropDownListLabel",
        "select#idp_RelyingPartyDropDownList[RelyingParty]",
        "div#idp_SignInToOtherRpPanel",
        "input#idp_SignInButton[SignInSubmit]",
    ] {
        assert!(outside.contains(needle), "{needle} is not in {outside}");
    }
    assert!(page(false, None).contains("value=\"SignInIdpSite\" checked"));
    assert!(page(false, Some("0a1b")).contains("value=\"0a1b\" selected>Mail &#60;1&#62;<"));
    assert!(!outside.contains("SignOut"));
    let inside = outline(&page(true, None)).join(" ");
    assert!(
        inside.contains("input#idp_GoButton[SignInGo]")
            && inside.contains("input#idp_SignOutButton[SignOut]")
            && !inside.contains("SignInSubmit"),
        "{inside}"
    );
}

#[test]
fn the_home_realm_page_posts_a_choice_or_an_address_with_or_without_script() {
    let page = |by_email: bool, error: &'static str| {
        HomeRealmPage {
            frame: frame(),
            application: None,
            action: "/adfs/ls/?wa=wsignin1.0",
            choices: vec![RealmChoice {
                identifier: "AD AUTHORITY",
                name: "Contoso & co",
            }],
            by_email,
            email: "a@b",
            error,
        }
        .render()
        .unwrap_or_default()
    };
    let both = page(true, "invalid-suffix");
    for needle in [
        r#"<form id="hrd" method="post""#,
        r#"<input id="hrdSelection" type="hidden">"#,
        r#"name="HomeRealmSelection" value="AD AUTHORITY" aria-label="Contoso &#38; co""#,
        r#"name="Email" type="email" value="a@b""#,
        r#"name="HomeRealmByEmail" value="Next""#,
        r#"role="alert">No organization here"#,
        r#"<div id="byEmail">"#,
    ] {
        assert!(both.contains(needle), "{needle}");
    }
    assert!(page(true, "").contains(r#"<div id="byEmail" class="folded">"#));
    assert!(!page(false, "").contains("byEmail"));
}

#[test]
fn every_page_says_its_language_direction_and_the_organisations_own_words() {
    for language in Language::all() {
        let theme = Theme::default();
        let page = SignedOutPage {
            frame: Frame::new("Contoso", "sts.contoso.test", language, &theme),
            signed_out: SignedOut::Everywhere,
            target: None,
            cleanup: &[],
        }
        .render()
        .unwrap_or_default();
        assert!(page.contains(&format!("<html lang=\"{}\">", language.tag)));
        assert!(page.contains(&format!("<body dir=\"{}\"", language.direction)));
        assert!(page.contains("class=\"body centred\""));
        let heading = language.say("signed-out-heading");
        assert!(page.contains(&heading), "{} {heading}", language.tag);
        assert!(!page.contains("{ $"), "{}", language.tag);
    }
}
