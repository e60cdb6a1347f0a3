//! Several windows of one browser, and many people at once.

use futures_util::future::join_all;
use time::Duration;

use crate::{APP, OTHER, Service};

/// As Entra ID asks: each transaction with a context of its own, and fresh credentials.
fn fresh(target: &str, context: &str) -> String {
    format!(
        "{target}&wfresh=0&wctx={context}&client-request-id=00000000-0000-0000-0000-00000000000{}",
        context.len()
    )
}

#[actix_web::test]
async fn two_windows_come_to_their_ends_whatever_their_order() {
    let service = Service::start("", "").await;
    let (one, two) = (fresh(APP, "first"), fresh(OTHER, "second"));
    let mut browser = service.browser();
    assert!(browser.get(&one).await.asks() && browser.get(&two).await.asks());
    // Both forms are sent before either redirect is followed.
    let answers = [
        browser.post(&one, "alice@contoso.test", &[]).await,
        browser.post(&two, "alice@contoso.test", &[]).await,
    ];
    for (answer, context, action) in [
        (&answers[0], "first", "https://app.test"),
        (&answers[1], "second", "https://other.test"),
    ] {
        let page = browser.get(&answer.location).await;
        assert!(page.has_token(), "{context}: {}", page.body);
        assert!(page.body.contains(context) && page.body.contains(action));
    }
    // Fresh once: each demand made again asks again.
    assert!(browser.get(&one).await.asks() && browser.get(&two).await.asks());
}

#[actix_web::test]
async fn a_window_that_waited_too_long_asks_again() {
    let service = Service::start("", "").await;
    let (one, two) = (fresh(APP, "first"), fresh(OTHER, "second"));
    let mut browser = service.browser();
    browser.post(&one, "alice@contoso.test", &[]).await;
    service.clock.advance(Duration::minutes(4));
    browser.post(&two, "alice@contoso.test", &[]).await;
    service.clock.advance(Duration::minutes(2));
    assert!(browser.get(&one).await.asks());
    assert!(browser.get(&two).await.has_token());
}

#[actix_web::test]
async fn another_persons_window_gets_nothing_of_the_earlier_one() {
    let service = Service::start("", "").await;
    let (one, two) = (fresh(APP, "first"), fresh(OTHER, "second"));
    let mut browser = service.browser();
    browser.post(&one, "alice@contoso.test", &[]).await;
    let earlier = browser.clone();
    browser.post(&two, "bob@contoso.test", &[]).await;
    assert!(browser.get(&one).await.asks());
    assert!(browser.get(&two).await.has_token());
    // The replaced session is over, also where a copy of its cookie is left.
    let mut copy = earlier;
    assert!(copy.get(APP).await.asks());
}

#[actix_web::test]
async fn twenty_people_sign_in_at_once_and_each_gets_a_token_of_their_own() {
    let service = Service::start("", "").await;
    let sign_ins = (0..20).map(|number| {
        let service = &service;
        async move {
            let user = if number % 2 == 0 { "alice" } else { "bob" };
            let address = format!("10.{number}.0.1:4000").parse().expect("an address");
            let mut browser = service.browser_at(address);
            let target = format!("{APP}&wctx=context-{number}-end");
            let page = browser.get(&target).await;
            assert!(page.asks(), "{number}: {}", page.body);
            let name = format!("{user}@contoso.test");
            (number, user, browser.sign_in(&target, &name, &[]).await)
        }
    });
    for (number, user, page) in join_all(sign_ins).await {
        assert!(page.has_token(), "{number}: {}", page.body);
        assert!(page.body.contains(&format!("context-{number}-end")));
        let other = if user == "alice" { "bob@" } else { "alice@" };
        assert!(page.body.contains(&format!("{user}@")) && !page.body.contains(other));
    }
}

#[actix_web::test]
async fn twenty_windows_of_one_browser_each_get_their_own_answer() {
    // A restored browser window is no loop.
    let service = Service::start("loop_detection_enabled = false", "").await;
    let mut browser = service.browser();
    browser.sign_in(APP, "alice@contoso.test", &[]).await;
    let windows = (0..20).map(|number| {
        let mut window = browser.clone();
        async move {
            let target = if number % 2 == 0 { APP } else { OTHER };
            window
                .get(&format!("{target}&wctx=window-{number}-end"))
                .await
        }
    });
    for (number, page) in join_all(windows).await.into_iter().enumerate() {
        let action = if number % 2 == 0 {
            "https://app.test"
        } else {
            "https://other.test"
        };
        assert!(page.has_token(), "{number}: {}", page.body);
        assert!(page.body.contains(&format!("window-{number}-end")) && page.body.contains(action));
    }
}
