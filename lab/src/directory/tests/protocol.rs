use std::collections::HashSet;
use std::time::Duration;

use ldap3::Mod;
use ldap3::controls::RawControl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::directory::{DirectoryError, Limits};

async fn start_with(limits: Limits) -> DirectoryServer {
    let options = Options {
        limits,
        ..Options::new(FREE_PORT)
    };
    DirectoryServer::start(
        options,
        Fixtures::from_ldif("dn: DC=t\nobjectClass: domainDNS\n").unwrap(),
    )
    .await
    .unwrap()
}

/// Sends bytes and reads until the server closes the connection.
async fn send_raw(server: &DirectoryServer, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.ldap_address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn only_loopback() {
    let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = DirectoryServer::start(Options::new(address), Fixtures::load().unwrap()).await;
    assert!(matches!(refused, Err(DirectoryError::NotLoopback(_))));
}

#[tokio::test]
async fn a_taken_port_is_an_error_and_a_stopped_one_is_free() {
    let server = start().await;
    let address = server.ldap_address();
    let mut ldap = bound(&server).await;
    let again = DirectoryServer::start(Options::new(address), Fixtures::load().unwrap()).await;
    assert!(matches!(again, Err(DirectoryError::Bind { .. })));
    server.stop().await;
    let after = ldap.search(SUFFIX, Scope::Base, "(dc=*)", vec!["dc"]).await;
    assert!(after.is_err(), "stopping ends connections");
    let again = DirectoryServer::start(Options::new(address), Fixtures::load().unwrap()).await;
    bound(&again.unwrap()).await;
}

#[tokio::test]
async fn writes_are_refused() {
    let server = start().await;
    let dn = "CN=Alice Andersen,OU=People,DC=contoso,DC=test";
    let change = || vec![Mod::Replace("title", HashSet::from(["x"]))];
    let mut anonymous = connect(&server).await;
    assert_eq!(anonymous.modify(dn, change()).await.unwrap().rc, 1);
    let mut ldap = bound(&server).await;
    assert_eq!(ldap.modify(dn, change()).await.unwrap().rc, 53);
    assert_eq!(ldap.delete(dn).await.unwrap().rc, 53);
    assert_eq!(ldap.modifydn(dn, "CN=x", true, None).await.unwrap().rc, 53);
    let attributes = vec![("objectClass", HashSet::from(["user"]))];
    assert_eq!(
        ldap.add("CN=x,DC=contoso,DC=test", attributes)
            .await
            .unwrap()
            .rc,
        53
    );
}

#[tokio::test]
async fn compares() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let dn = "CN=Alice Andersen,OU=People,DC=contoso,DC=test";
    for (dn, attribute, value, code) in [
        (dn, "title", "ACCOUNT MANAGER", 6),
        (dn, "title", "Engineer", 5),
        (dn, "objectGUID", "1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809", 6),
        (dn, "userPassword", PASSWORD, 16),
        ("CN=x,DC=contoso,DC=test", "title", "x", 32),
        ("x", "title", "x", 34),
    ] {
        let result = ldap.compare(dn, attribute, value).await.unwrap();
        assert_eq!(result.0.rc, code, "{dn} {attribute} {value}");
    }
}

#[tokio::test]
async fn controls() {
    let server = start().await;
    let mut ldap = bound(&server).await;
    let unknown = |crit| RawControl {
        ctype: "1.2.3.4".to_owned(),
        crit,
        val: None,
    };
    for (crit, code) in [(true, 12), (false, 0)] {
        ldap.with_controls(vec![unknown(crit)]);
        let result = ldap
            .search(SUFFIX, Scope::Base, "(dc=*)", vec!["dc"])
            .await
            .unwrap()
            .1;
        assert_eq!(result.rc, code, "critical: {crit}");
    }
    let broken = RawControl {
        ctype: "1.2.840.113556.1.4.319".to_owned(),
        crit: true,
        val: Some(vec![0x30, 0]),
    };
    ldap.with_controls(vec![broken]);
    let result = ldap
        .search(SUFFIX, Scope::Base, "(dc=*)", vec!["dc"])
        .await
        .unwrap()
        .1;
    assert_eq!(result.rc, 2);
}

#[tokio::test]
async fn what_is_no_request_ends_the_connection_with_a_notice() {
    let server = start_with(Limits {
        message_bytes: 1_000,
        ..Limits::default()
    })
    .await;
    let cases: [(&str, &[u8]); 6] = [
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
        ("too large", &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]),
        ("no operation", &[0x30, 3, 2, 1, 1]),
        ("negative message id", &[0x30, 5, 2, 1, 0xff, 0x42, 0]),
        (
            "a response",
            &[0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0],
        ),
        ("truncated inner length", &[0x30, 5, 2, 1, 1, 0x60, 9]),
    ];
    for (what, bytes) in cases {
        let answer = send_raw(&server, bytes).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.contains("1.3.6.1.4.1.1466.20036"),
            "{what}: {answer:?}"
        );
    }
    assert_eq!(
        send_raw(&server, &[0x30, 5, 2, 1, 1, 0x42, 0]).await,
        b"",
        "unbind"
    );
}

#[tokio::test]
async fn silent_and_slow_clients_are_let_go() {
    let short = Duration::from_millis(50);
    let server = start_with(Limits {
        idle: short,
        ..Limits::default()
    })
    .await;
    assert_eq!(send_raw(&server, b"").await, b"");
    let server = start_with(Limits {
        transfer: short,
        ..Limits::default()
    })
    .await;
    assert_eq!(send_raw(&server, &[0x30, 20, 2]).await, b"");
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let server = start_with(Limits {
        connections: 1,
        ..Limits::default()
    })
    .await;
    let mut first = connect(&server).await;
    first.simple_bind("", "").await.unwrap().success().unwrap();
    assert_eq!(send_raw(&server, b"").await, b"");
    first.simple_bind("", "").await.unwrap().success().unwrap();
}

#[tokio::test]
async fn requests_that_arrive_together_are_answered_in_turn() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.ldap_address()).await.unwrap();
    let bind = |id| [0x30, 12, 2, 1, id, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];
    stream
        .write_all(&[bind(1), bind(2)].concat())
        .await
        .unwrap();
    let mut answer = [0; 28];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!((answer[4], answer[18]), (1, 2));
}

#[tokio::test]
async fn answers_can_be_held_back() {
    let answer_delay = Duration::from_millis(30);
    let options = Options {
        answer_delay,
        ..Options::new(FREE_PORT)
    };
    let server = DirectoryServer::start(options, Fixtures::load().unwrap())
        .await
        .unwrap();
    let start = std::time::Instant::now();
    bound(&server).await;
    assert!(start.elapsed() >= answer_delay);
}
