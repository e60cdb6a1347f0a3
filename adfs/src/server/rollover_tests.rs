//! Certificates that wait for relying parties, as the running server sees them.

use actix_web::App;
use actix_web::test as web_test;
use actix_web::web::Data;
use std::sync::Arc;
use time::Duration;

use super::rollover::{Rounds, look};
use super::watch_metadata_tests::Service;
use super::{SignInRate, routes};
use crate::keys::{Keys, Plan, PlannedStep};
use crate::partner_metadata::test_support::{base64, certificate};

const WAITING: &str = "hold_rollover = true\nmetadata_readers = [\"192.0.2.7/32\"]\n";

/// A service whose successor has been published for long enough, and the certificate that signs until then.
async fn before_promotion() -> (Service, Rounds, String) {
    let idp = format!(
        "token_signing_certificate = \"{}\"\n",
        base64(&certificate(3))
    );
    let service = Service::start(WAITING, &idp).await;
    let old = service.primary();
    let mut rounds = Rounds::default();
    for days in [345, 5] {
        service.clock.advance(Duration::days(days));
        rounds = look(&service.federation, rounds).await;
    }
    (service, rounds, old)
}

impl Service {
    fn primary(&self) -> String {
        self.federation
            .keys
            .token_signing()
            .certificate()
            .thumbprint()
            .to_owned()
    }

    /// Fetches our metadata from an address.
    async fn fetch_from(&self, address: &str) {
        let app = App::new()
            .app_data(Data::from(Arc::clone(&self.federation)))
            .app_data(Data::new(SignInRate::default()))
            .configure(routes::configure);
        let app = web_test::init_service(app).await;
        let request = web_test::TestRequest::get()
            .uri("/FederationMetadata/2007-06/FederationMetadata.xml")
            .peer_addr(format!("{address}:4000").parse().unwrap());
        let answer = web_test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status(), 200);
    }

    async fn plan(&self) -> Plan {
        let configuration = self.federation.configuration.load();
        Plan::of(
            Keys::listed(&configuration).unwrap(),
            &configuration.properties.certificate_rollover,
            configuration.relying_parties.iter(),
            &self.federation.store.certificate_sightings().await.unwrap(),
        )
    }

    /// Next step, and the relying parties by what is known of them, of the successor.
    async fn successor(&self) -> (PlannedStep, Vec<(String, &'static str, bool)>) {
        let plan = self.plan().await;
        let successor = plan
            .certificates
            .iter()
            .find(|one| !one.parties.is_empty())
            .unwrap();
        let parties = successor.parties.iter();
        let parties = parties.map(|one| (one.name.clone(), one.sight.name(), one.holds));
        (successor.next.unwrap().0, parties.collect())
    }
}

#[actix_web::test]
async fn a_successor_waits_until_the_relying_party_has_fetched_it() {
    let (service, rounds, old) = before_promotion().await;
    assert_eq!(service.primary(), old, "it waits");
    let waits = (
        PlannedStep::HeldPromotion,
        vec![("SP".to_owned(), "not yet", true)],
    );
    assert_eq!(service.successor().await, waits);
    service.fetch_from("192.0.2.8").await;
    assert_eq!(service.successor().await, waits, "somebody else");
    service.fetch_from("192.0.2.7").await;
    let known = (
        PlannedStep::Promotion,
        vec![("SP".to_owned(), "fetched", false)],
    );
    assert_eq!(service.successor().await, known);
    service.clock.advance(Duration::days(1));
    look(&service.federation, rounds).await;
    assert_ne!(service.primary(), old);
}

#[actix_web::test]
async fn what_waits_in_vain_becomes_primary_when_it_is_critical() {
    let (service, mut rounds, old) = before_promotion().await;
    service.clock.advance(Duration::days(12));
    rounds = look(&service.federation, rounds).await;
    assert_eq!(service.primary(), old);
    service.clock.advance(Duration::days(1));
    look(&service.federation, rounds).await;
    assert_ne!(service.primary(), old);
}
