//! Establishing, keeping and renewing trust.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::{PASSWORD, Pki, STS, Stage, eventually};
use wap::install::install;
use wap::service::ServiceError;
use wap::trust::{StateFolder, TrustIdentity};

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_wrong_password_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let error = install(
        &stage.configuration(),
        &stage.credentials("wrong"),
        PATIENCE,
    )
    .await
    .unwrap_err();
    assert!(
        matches!(error, ServiceError::CredentialsRefused { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("CONTOSO") && !error.to_string().contains("wrong"),
        "{error}"
    );
    assert_eq!(stage.adfs.trusted(), 0);
    assert_eq!(std::fs::read_dir(stage.state()).unwrap().count(), 0);
}

#[tokio::test]
async fn trust_is_established_once_and_kept() {
    let stage = Stage::new().await;
    let configuration = stage.configuration();
    let first = install(&configuration, &stage.credentials(PASSWORD), PATIENCE)
        .await
        .unwrap();
    assert!(!first.already);
    assert_eq!(first.endpoints, 3);
    let file = stage.state().join("trust.pem");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for entry in std::fs::read_dir(stage.state()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(PASSWORD));
    }
    // Not even the password matters any more: the trust holds.
    let second = install(&configuration, &stage.credentials("wrong"), PATIENCE)
        .await
        .unwrap();
    assert!(second.already);
    assert_eq!(second.thumbprint, first.thumbprint);
    assert_eq!(stage.adfs.trusted(), 1);

    stage.adfs.revoke();
    let third = install(&configuration, &stage.credentials(PASSWORD), PATIENCE)
        .await
        .unwrap();
    assert!(!third.already);
    assert_ne!(third.thumbprint, first.thumbprint);
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let mut stage = Stage::new().await;
    let mut configuration = stage.configuration();
    let other = stage.folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    configuration.federation_service.ca_file = Some(Pki::new(&other).ca_file());
    let error = install(&configuration, &stage.credentials(PASSWORD), PATIENCE)
        .await
        .unwrap_err();
    assert!(matches!(error, ServiceError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("ca_file"), "{error}");

    let mut configuration = stage.configuration();
    configuration.federation_service.name =
        wap::config::HostName::parse("other.contoso.test").unwrap();
    let error = install(&configuration, &stage.credentials(PASSWORD), PATIENCE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ServiceError::Tls { .. }),
        "the certificate has another name: {error}"
    );

    stage.adfs.stop().await;
    let error = install(
        &stage.configuration(),
        &stage.credentials(PASSWORD),
        PATIENCE,
    )
    .await
    .unwrap_err();
    assert!(matches!(error, ServiceError::Unreachable { .. }), "{error}");
    let address = format!("127.0.0.1:{}", stage.adfs.port);
    assert!(
        error.to_string().contains(&address) && error.to_string().contains("connect"),
        "{error}"
    );
}

#[tokio::test]
async fn an_old_trust_is_renewed_by_the_running_proxy() {
    let stage = Stage::new().await;
    let folder = StateFolder::new(&stage.state());
    folder.make().unwrap();
    // One minute is left of a life that began five minutes before its issue.
    let now = time::OffsetDateTime::from(
        std::fs::metadata(stage.folder.path())
            .unwrap()
            .modified()
            .unwrap(),
    );
    let old = TrustIdentity::make("wap01", 1, now).unwrap();
    folder.save_identity(&old).unwrap();
    stage.adfs.trust(old.der().unwrap());
    let proxy = stage.proxy().await;
    eventually("renewal", async || {
        folder
            .identity()
            .is_ok_and(|now| now.thumbprint() != old.thumbprint())
    })
    .await;
    assert_eq!(stage.adfs.trusted(), 2);
    assert!(folder.successor().unwrap().is_none());
    let browser = crate::support::Browser::new(&stage.pki, proxy.port);
    assert_eq!(browser.get(STS, "/adfs/ls/").await.status(), 200);
    assert!(stage.adfs.seen().last().unwrap().trusted);
    proxy.ended().await;
}

#[tokio::test]
async fn an_interrupted_renewal_is_brought_to_its_end() {
    let stage = Stage::new().await;
    stage.install().await;
    let folder = StateFolder::new(&stage.state());
    let now = time::OffsetDateTime::from(
        std::fs::metadata(stage.folder.path())
            .unwrap()
            .modified()
            .unwrap(),
    );
    let next = TrustIdentity::make("wap01", 600, now).unwrap();
    folder.save_successor(&next).unwrap();
    stage.adfs.trust(next.der().unwrap());
    let proxy = stage.proxy().await;
    eventually("the successor", async || {
        folder.identity().unwrap().thumbprint() == next.thumbprint()
    })
    .await;
    proxy.ended().await;
}
