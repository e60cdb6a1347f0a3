//! `wctx` is opaque and comes back octet for octet (spec passive-sign-in 2.2; cloud-scenario 7.4).

use anyhow::Result;
use end_to_end::lab::Lab;
use end_to_end::passive::{request, sign_in};
use end_to_end::token::Issued;

#[tokio::test]
async fn wctx_comes_back_as_it_was_sent() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let long: String = "0123456789".repeat(200);
    let four_kilobytes: String = "rQIIAY1S%2b/".chars().cycle().take(4096).collect();
    let values = [
        "a&b=c&wa=wsignout1.0",
        "say \"hello\" 'world'",
        "<script>alert(1)</script>",
        "</form><!-- ]]> -->",
        "Z\u{fc}rich \u{1f600} \u{202e}abc",
        "100%25 + plus + %2B %zz",
        " leading and trailing ",
        "tab\tand more",
        "estsredirect=2&estsrequest=rQIIAYWS",
        long.as_str(),
        four_kilobytes.as_str(),
    ];
    let client = lab.client()?;
    sign_in(&client, &request(lab.outside(), &[])?, user).await?;
    for value in values {
        // The counter of tokens for one browser is not what is tried here.
        client.set_cookie(
            lab.outside(),
            "MSISLoopDetectionCookie=; Path=/adfs; Max-Age=0; Secure",
        );
        let answer = client
            .get(&request(lab.outside(), &[("wctx", value)])?)
            .await?;
        let issued = Issued::read(&answer)?;
        assert_eq!(issued.field("wctx"), Some(value));
    }
    Ok(())
}

#[tokio::test]
async fn wctx_survives_the_form_and_without_one_there_is_no_field() -> Result<()> {
    let lab = Lab::start()?;
    let user = lab.contract().user("alice")?;
    let value = "a&b=\"<\u{fc}>\" + %";
    let issued = sign_in(
        &lab.client()?,
        &request(lab.outside(), &[("wctx", value)])?,
        user,
    )
    .await?;
    assert_eq!(issued.field("wctx"), Some(value));

    let issued = sign_in(&lab.client()?, &request(lab.outside(), &[])?, user).await?;
    assert_eq!(issued.field("wctx"), None);
    assert!(issued.field("wresult").is_some());
    Ok(())
}
