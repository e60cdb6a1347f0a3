//! A browser: an address, cookies, and what it was answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use actix_web::App;
use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use adfs::server::routes;

use crate::{PASSWORD, Service};

/// Longest way from credentials to a token.
const MOST_REDIRECTS: usize = 5;

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) body: String,
}

impl Answer {
    /// Whether it brings a token to a relying party.
    pub(crate) fn has_token(&self) -> bool {
        self.body.contains("name=\"wresult\"")
    }

    /// Whether it asks for a password.
    pub(crate) fn asks(&self) -> bool {
        self.status == 200 && self.body.contains("id=\"passwordInput\"")
    }

    /// Whether it offers to stay signed in.
    pub(crate) fn offers_to_stay(&self) -> bool {
        let area = self.body.split("id=\"kmsiArea\"").nth(1);
        let tag = area.and_then(|rest| rest.split('>').next());
        tag.is_some_and(|tag| !tag.contains("hidden"))
    }
}

/// Cookies, and whether each outlives the browser (its `Max-Age`).
#[derive(Clone)]
pub(crate) struct Browser<'s> {
    service: &'s Service,
    address: SocketAddr,
    pub(crate) cookies: BTreeMap<String, (String, Option<i64>)>,
}

impl<'s> Browser<'s> {
    pub(crate) fn of(service: &'s Service, address: SocketAddr) -> Browser<'s> {
        Browser {
            service,
            address,
            cookies: BTreeMap::new(),
        }
    }

    /// Closes all windows: what is not kept is gone.
    pub(crate) fn close(&mut self) {
        self.cookies.retain(|_, (_, kept)| kept.is_some());
    }

    /// For how long the session's cookie is kept, in seconds.
    pub(crate) fn keeps_session_for(&self) -> Option<i64> {
        self.cookies.get("MSISAuth")?.1
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.send(TestRequest::get().uri(target)).await
    }

    /// The form of `page` with these credentials; where it leads is not followed.
    pub(crate) async fn post(&mut self, target: &str, user: &str, more: &[(&str, &str)]) -> Answer {
        let mut fields = vec![
            ("UserName", user),
            ("Password", PASSWORD),
            ("AuthMethod", "FormsAuthentication"),
        ];
        fields.extend_from_slice(more);
        self.post_fields(target, &fields).await
    }

    pub(crate) async fn post_fields(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(TestRequest::post().uri(target).set_form(fields))
            .await
    }

    /// A body that is no form.
    pub(crate) async fn post_text(&mut self, target: &str, media_type: &str, text: &str) -> Answer {
        let request = TestRequest::post().uri(target);
        self.send(
            request
                .insert_header((header::CONTENT_TYPE, media_type))
                .set_payload(text.to_owned()),
        )
        .await
    }

    /// Signs in and follows to the end.
    pub(crate) async fn sign_in(
        &mut self,
        target: &str,
        user: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let answer = self.post(target, user, more).await;
        self.follow(answer).await
    }

    pub(crate) async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..MOST_REDIRECTS {
            if answer.status != 302 {
                return answer;
            }
            let location = answer.location.clone();
            answer = self.get(&location).await;
        }
        panic!("round in a circle: {}", answer.location);
    }

    async fn send(&mut self, request: TestRequest) -> Answer {
        let app = App::new()
            .app_data(Data::from(self.service.federation.clone()))
            .app_data(Data::from(self.service.rate.clone()))
            .configure(routes::configure);
        let app = init_service(app).await;
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, (value, _))| format!("{name}={value}"))
            .collect();
        let request = request
            .peer_addr(self.address)
            .insert_header((header::COOKIE, cookies.join("; ")));
        let response = call_service(&app, request.to_request()).await;
        for set in response.headers().get_all(header::SET_COOKIE) {
            let cookie = Cookie::parse(set.to_str().expect("text")).expect("a cookie");
            let kept = cookie.max_age().map(|life| life.whole_seconds());
            let name = cookie.name().to_owned();
            if cookie.value().is_empty() {
                self.cookies.remove(&name);
            } else {
                self.cookies.insert(name, (cookie.value().to_owned(), kept));
            }
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|value| value.to_str().expect("text").to_owned());
        let status = response.status().as_u16();
        let body = read_body(response).await;
        Answer {
            status,
            location: location.unwrap_or_default(),
            body: String::from_utf8(body.to_vec()).expect("text"),
        }
    }
}
