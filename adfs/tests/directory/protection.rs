//! TLS: no password leaves before the server has proved who it is.

use adfs::directory::{DirectoryError, SignInRefusal};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapBindResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode};
use tokio_util::codec::Encoder;

use super::certificates::Certificates;
use super::server::{Person, Protection, SERVICE_PASSWORD, Server};
use super::{name, open, password};

async fn start(tls: Protection) -> Server {
    Server::start_on(
        "127.0.0.1:0".parse().expect("an address"),
        tls,
        vec![Person::new("alice")],
    )
    .await
}

async fn sign_in(
    url: String,
    settings: &str,
    secret: &str,
    authority: &[u8],
) -> Result<(), SignInRefusal> {
    let settings = format!("ca_file = \"authority.pem\"\n{settings}");
    let directory = open(&[url], &settings, secret, authority).expect("a directory");
    directory
        .authenticate(&name("alice@contoso.test"), &password("Pass@word1"))
        .await
        .map(drop)
}

fn url(scheme: &str, server: &Server) -> String {
    format!("{scheme}://localhost:{}", server.address.port())
}

/// Nothing but the reason that no connection was made, and no operation was seen.
fn assert_refused(answer: Result<(), SignInRefusal>, server: &Server) {
    assert!(
        matches!(
            answer,
            Err(SignInRefusal::Unavailable(
                DirectoryError::Unavailable { .. }
            ))
        ),
        "{answer:?}"
    );
    assert!(
        server.connections().iter().all(Vec::is_empty),
        "{:?}",
        server.connections()
    );
}

#[tokio::test]
async fn a_server_of_a_known_authority_is_used() {
    let certificates = Certificates::for_name("localhost");
    let server = start(Protection::Ldaps(certificates.acceptor())).await;
    let answer = sign_in(
        url("ldaps", &server),
        "",
        SERVICE_PASSWORD,
        &certificates.authority(),
    )
    .await;
    assert_eq!(answer, Ok(()));
    let server = start(Protection::StartTls(certificates.acceptor(), Vec::new())).await;
    let answer = sign_in(
        url("ldap", &server),
        "start_tls = true",
        SERVICE_PASSWORD,
        &certificates.authority(),
    )
    .await;
    assert_eq!(answer, Ok(()));
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_learns_nothing() {
    let (known, foreign) = (
        Certificates::for_name("localhost"),
        Certificates::for_name("localhost"),
    );
    let renamed = Certificates::for_name("dc1.contoso.test");
    for (certificates, authority) in [(&foreign, &known), (&renamed, &renamed)] {
        let server = start(Protection::Ldaps(certificates.acceptor())).await;
        let answer = sign_in(
            url("ldaps", &server),
            "",
            SERVICE_PASSWORD,
            &authority.authority(),
        )
        .await;
        assert_refused(answer, &server);
        let server = start(Protection::StartTls(certificates.acceptor(), Vec::new())).await;
        let answer = sign_in(
            url("ldap", &server),
            "start_tls = true",
            SERVICE_PASSWORD,
            &authority.authority(),
        )
        .await;
        assert_refused(answer, &server);
    }
}

#[tokio::test]
async fn without_start_tls_nothing_is_said() {
    let authority = Certificates::for_name("localhost").authority();
    let server = start(Protection::Refused).await;
    let answer = sign_in(
        url("ldap", &server),
        "start_tls = true",
        SERVICE_PASSWORD,
        &authority,
    )
    .await;
    assert_refused(answer, &server);
}

#[tokio::test]
async fn what_came_before_the_handshake_is_no_answer_after_it() {
    let certificates = Certificates::for_name("localhost");
    let success = LdapResult {
        code: LdapResultCode::Success,
        matcheddn: String::new(),
        message: String::new(),
        referral: Vec::new(),
    };
    let mut injected = bytes::BytesMut::new();
    for msgid in 1..8 {
        let op = LdapOp::BindResponse(LdapBindResponse {
            res: success.clone(),
            saslcreds: None,
        });
        LdapCodec::default()
            .encode(
                LdapMsg {
                    msgid,
                    op,
                    ctrl: Vec::new(),
                },
                &mut injected,
            )
            .expect("a message");
    }
    let server = start(Protection::StartTls(
        certificates.acceptor(),
        injected.to_vec(),
    ))
    .await;
    // The service account's password is wrong; only the injected answer says otherwise.
    let answer = sign_in(
        url("ldap", &server),
        "start_tls = true",
        "wrong",
        &certificates.authority(),
    )
    .await;
    assert!(
        matches!(answer, Err(SignInRefusal::Unavailable(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn authorities_that_cannot_be_read_stop_the_start() {
    for text in [b"" as &[u8], b"not PEM"] {
        let error = open(
            &["ldaps://dc.test".to_owned()],
            "ca_file = \"authority.pem\"",
            "p",
            text,
        )
        .expect_err("no authorities");
        assert!(
            matches!(error, DirectoryError::Authorities { .. }),
            "{error:?}"
        );
    }
}
