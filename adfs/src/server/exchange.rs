//! One request and everything needed to answer it with a page.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use uuid::Uuid;

use super::cookies::RequestCookies;
use super::failure;
use super::headers::{FormTargets, PagePolicy};
use super::{context, headers};
use crate::claims::{NetworkLocation, RequestContext};
use crate::config::{Configuration, ErrorPageInfo};
use crate::ids;
use crate::pages::{AutoPostPage, ErrorPage, Frame, Language};
use crate::protocols::Outgoing;
use crate::sign_in::{Refusal, Session};
use crate::state::Federation;

const RFC_1123: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// A request with its context and one configuration for its whole life, whatever a reload does meanwhile.
pub(super) struct Exchange<'a> {
    /// The request.
    pub(super) request: &'a HttpRequest,
    /// The server.
    pub(super) federation: &'a Federation,
    /// Snapshot.
    pub(super) configuration: Arc<Configuration>,
    /// Origin, activity.
    pub(super) context: RequestContext,
    /// Ours only.
    pub(super) cookies: RequestCookies,
    /// Scheme, host and port that clients see; never from the request (spec security RED-6).
    pub(super) base: String,
}

impl<'a> Exchange<'a> {
    /// Begins.
    pub(super) fn open(request: &'a HttpRequest, federation: &'a Federation) -> Exchange<'a> {
        let configuration = federation.configuration.load_full();
        let base = configuration.service.base_url();
        Exchange {
            context: context::of(request, federation, activity_id(request)),
            cookies: RequestCookies::of(request),
            request,
            federation,
            configuration,
            base,
        }
    }

    /// The session that the browser brought. Whether it still holds is another question.
    pub(super) fn session(&self) -> Option<Session> {
        Session::open(self.federation, &self.cookies.session()?)
    }

    /// The frame of this organisation's pages.
    pub(super) fn frame(&self) -> Frame<'_> {
        self.frame_for(None)
    }

    /// The frame of pages that a relying party, by the name of its trust, has brought somebody to.
    pub(super) fn frame_for(&self, relying_party: Option<&str>) -> Frame<'_> {
        let service = &self.configuration.service;
        let theme = self.configuration.web.theme(relying_party);
        Frame::new(
            &service.display_name,
            &service.host_name,
            self.language(),
            theme,
        )
    }

    /// The language that this browser gets (spec passive-sign-in 5.11).
    pub(super) fn language(&self) -> &'static Language {
        let accepted = self.request.headers().get(header::ACCEPT_LANGUAGE);
        Language::negotiate(
            self.request.query_string(),
            accepted.and_then(|value| value.to_str().ok()),
            Language::find(&self.configuration.web.installed_language)
                .unwrap_or_else(Language::english),
        )
    }

    /// A page with its headers.
    pub(super) fn page(
        &self,
        status: StatusCode,
        policy: &PagePolicy,
        template: &impl Template,
    ) -> HttpResponseBuilderWithBody {
        let mut response = HttpResponse::build(status);
        policy.apply(&mut response, &self.base);
        let body = template.render().unwrap_or_else(|error| {
            tracing::error!(activity_id = %self.context.activity_id, %error, "a page could not be written");
            String::new()
        });
        HttpResponseBuilderWithBody { response, body }
    }

    /// A redirect to our own `target`.
    pub(super) fn redirect(&self, status: StatusCode, target: &str) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        headers::common(&mut response);
        response
            .insert_header((header::LOCATION, target))
            .insert_header((header::CACHE_CONTROL, "no-store"));
        response
    }

    /// Carries a message of ours, to an address that is registered.
    pub(super) fn send(&self, message: &Outgoing) -> HttpResponseBuilderWithBody {
        match message {
            Outgoing::Redirect(address) => self.redirect(StatusCode::FOUND, address).into(),
            Outgoing::Post(post) => {
                let page = AutoPostPage::new(&post.action, &post.fields);
                self.page(StatusCode::OK, &PagePolicy::auto_post(), &page)
            }
        }
    }

    /// The error page for `refusal`.
    pub(super) fn refuse(&self, refusal: &Refusal) -> HttpResponse {
        self.refuse_as(failure::explain(refusal).status, refusal)
    }

    /// The error page with another status.
    pub(super) fn refuse_as(&self, status: StatusCode, refusal: &Refusal) -> HttpResponse {
        self.refusal_page(status, refusal, None)
    }

    /// The error page for a method that the address does not take; `allow` lists those that it does.
    pub(super) fn refuse_method(&self, allow: &'static str) -> HttpResponse {
        let mut response = self.refuse_as(StatusCode::METHOD_NOT_ALLOWED, &Refusal::NoHandler);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    }

    /// The error page, naming the relying party by its registered name.
    pub(super) fn refuse_for(&self, relying_party: &str, refusal: &Refusal) -> HttpResponse {
        self.refusal_page(
            failure::explain(refusal).status,
            refusal,
            Some(relying_party),
        )
    }

    /// Whether this browser may read what went wrong (AdditionalErrorPageInfo, spec passive-sign-in 8.1).
    fn shows_details(&self) -> bool {
        match self.configuration.web.additional_error_page_info {
            ErrorPageInfo::Detailed => true,
            ErrorPageInfo::Private => self.context.network_location == NetworkLocation::Intranet,
            ErrorPageInfo::None => false,
        }
    }

    fn refusal_page(
        &self,
        status: StatusCode,
        refusal: &Refusal,
        relying_party: Option<&str>,
    ) -> HttpResponse {
        let explanation = failure::explain(refusal);
        let code_text = refusal.to_string();
        let frame = self.frame_for(relying_party);
        let own_message = match refusal {
            Refusal::AccessDenied { .. } => frame.own("error_page_authorization_error_message"),
            _ => "",
        };
        let page = ErrorPage {
            frame,
            own_message,
            detailed: self.shows_details(),
            heading: explanation.heading,
            message: explanation.message,
            activity_id: self.context.activity_id,
            relying_party,
            code: refusal.code(),
            code_text: &code_text,
            time: self
                .federation
                .clock
                .now()
                .format(RFC_1123)
                .unwrap_or_default(),
            cookies: if self.cookies.any() {
                "cookies-enabled"
            } else {
                "cookies-not-seen"
            },
            open: false,
            retry: None,
        };
        let mut answer = self.page(
            status,
            &PagePolicy::interactive(FormTargets::Nowhere),
            &page,
        );
        match refusal {
            Refusal::TooManyAttempts { retry_after } => {
                answer
                    .response
                    .insert_header((header::RETRY_AFTER, retry_after.to_string()));
            }
            Refusal::Unavailable => {
                answer.response.insert_header((header::RETRY_AFTER, "10"));
            }
            _ => {}
        }
        super::report::refused(self, refusal, relying_party);
        answer.finish()
    }
}

/// A response whose body is known, so that cookies can still be added.
pub(super) struct HttpResponseBuilderWithBody {
    /// Status and headers.
    pub(super) response: HttpResponseBuilder,
    body: String,
}

impl From<HttpResponseBuilder> for HttpResponseBuilderWithBody {
    fn from(response: HttpResponseBuilder) -> HttpResponseBuilderWithBody {
        HttpResponseBuilderWithBody {
            response,
            body: String::new(),
        }
    }
}

impl HttpResponseBuilderWithBody {
    /// The response.
    pub(super) fn finish(mut self) -> HttpResponse {
        self.response.body(self.body)
    }
}

/// The client's own `client-request-id` when it is a GUID, in the query or as a header; else a new one.
fn activity_id(request: &HttpRequest) -> Uuid {
    let query = request.query_string();
    let in_query = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("client-request-id="));
    let in_header = || {
        request
            .headers()
            .get("client-request-id")
            .and_then(|value| value.to_str().ok())
    };
    in_query
        .or_else(in_header)
        .and_then(|text| Uuid::try_parse(text).ok())
        .unwrap_or_else(ids::guid)
}
