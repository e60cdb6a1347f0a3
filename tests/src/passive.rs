//! Sign-in by WS-Federation as a browser goes through it, step by step (spec passive-sign-in 2.1).

use anyhow::{Context as _, Result, ensure};
use url::Url;

use crate::contract::User;
use crate::http::{Answer, Client};
use crate::token::Issued;

/// Entra ID as a relying party.
pub const ENTRA: &str = "urn:federation:MicrosoftOnline";

/// The address of a sign-in request at `service` (its origin), with more parameters than `wa` and `wtrealm`.
///
/// # Errors
/// When `service` is no base.
pub fn request(service: &Url, more: &[(&str, &str)]) -> Result<Url> {
    let mut url = service.join("/adfs/ls/")?;
    url.query_pairs_mut()
        .append_pair("wa", "wsignin1.0")
        .append_pair("wtrealm", ENTRA)
        .extend_pairs(more);
    Ok(url)
}

/// The fields that the page's form sends for a name and a password.
pub fn credentials(name: &str, password: &str) -> Vec<(String, String)> {
    [
        ("UserName", name),
        ("Password", password),
        ("AuthMethod", "FormsAuthentication"),
    ]
    .map(|(field, value)| (field.to_owned(), value.to_owned()))
    .to_vec()
}

/// Gets the page and posts credentials with its form. The answer is the one to the credentials: 302 for right ones, the
/// page again for wrong ones.
///
/// # Errors
/// When the page has no sign-in form, or an answer does not come.
pub async fn attempt(client: &Client, request: &Url, name: &str, password: &str) -> Result<Answer> {
    let answer = client.get(request).await?;
    let page = answer.page();
    let form = page
        .form("loginForm")
        .with_context(|| format!("no sign-in form: {}", answer.summary()))?;
    let fields = form
        .fields()
        .into_iter()
        .map(|(field, value)| {
            let value = match field.as_str() {
                "UserName" => name.to_owned(),
                "Password" => password.to_owned(),
                _ => value,
            };
            (field, value)
        })
        .collect::<Vec<_>>();
    client.submit(&answer, &form.action, &fields).await
}

/// Signs in with credentials and takes the token from the page that posts itself.
///
/// # Errors
/// When the credentials are not taken, or no token comes.
pub async fn sign_in(client: &Client, request: &Url, user: &User) -> Result<Issued> {
    let answer = attempt(client, request, &user.upn, &user.password).await?;
    ensure!(
        answer.status == 302,
        "right credentials were not answered with 302: {}",
        answer.summary()
    );
    let answer = client.follow(answer).await?;
    Issued::read(&answer)
}

/// Goes from the application through the cloud up to the federation service's answer, as `login_hint`: the sign-in form,
/// or the page that posts itself when there is a session.
///
/// # Errors
/// When the way leads elsewhere.
pub async fn from_application(
    client: &Client,
    application: &Url,
    login_hint: &str,
) -> Result<Answer> {
    let asked = client.follow(client.get(application).await?).await?;
    let page = asked.page();
    let form = page
        .form("signInForm")
        .with_context(|| format!("the cloud does not ask for a name: {}", asked.summary()))?;
    let fields = form.fields().into_iter().map(|(name, value)| {
        let value = if name == "login_hint" {
            login_hint.to_owned()
        } else {
            value
        };
        (name, value)
    });
    let mut target = asked.url.join(&form.action)?;
    target.query_pairs_mut().clear().extend_pairs(fields);
    client.follow(client.get(&target).await?).await
}

/// Fills in the form on `page` and goes on to the token.
///
/// # Errors
/// When there is no form, the credentials are not taken, or no token comes.
pub async fn fill_in(client: &Client, page: &Answer, name: &str, password: &str) -> Result<Issued> {
    let read = page.page();
    let form = read
        .form("loginForm")
        .with_context(|| format!("no sign-in form: {}", page.summary()))?;
    let answer = client
        .submit(page, &form.action, &credentials(name, password))
        .await?;
    ensure!(
        answer.status == 302,
        "right credentials were not answered with 302: {}",
        answer.summary()
    );
    Issued::read(&client.follow(answer).await?)
}

/// Posts the token where the page says, and follows to where that leads.
///
/// # Errors
/// When an answer does not come.
pub async fn deliver(client: &Client, issued: &Issued) -> Result<Answer> {
    let answer = client.post(&issued.action, &issued.fields).await?;
    client.follow(answer).await
}
