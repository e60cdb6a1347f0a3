//! Response headers of every page (spec security 3.2) and the policy of each.

use actix_web::HttpResponseBuilder;
use actix_web::http::header;
use url::Url;

use crate::pages;

/// Where forms of a page may post to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormTargets {
    /// The page has no form.
    Nowhere,
    /// To this service only.
    Ourselves,
    /// To a relying party, and to wherever that redirects: Chromium applies the directive to redirects after the post
    /// too, and those origins are not ours to know (spec passive-sign-in 5.13).
    AnyHttps,
}

/// What a page needs beyond the strictest policy.
#[derive(Debug, Clone)]
pub(super) struct PagePolicy {
    /// Targets of its forms.
    pub(super) forms: FormTargets,
    /// Whether the one constant inline script runs.
    pub(super) auto_post_script: bool,
    /// Origins that it may show in frames.
    pub(super) frames: Vec<String>,
    /// Whether other pages may show it in a frame; only for answers without anything to click (spec 2.4).
    pub(super) framable: bool,
}

impl PagePolicy {
    /// A page that people read and use.
    pub(super) fn interactive(forms: FormTargets) -> PagePolicy {
        PagePolicy {
            forms,
            auto_post_script: false,
            frames: Vec::new(),
            framable: false,
        }
    }

    /// The page that posts itself.
    pub(super) fn auto_post() -> PagePolicy {
        PagePolicy {
            forms: FormTargets::AnyHttps,
            auto_post_script: true,
            frames: Vec::new(),
            framable: true,
        }
    }

    /// Content-Security-Policy. `base` is the origin that clients see; `'self'` alone would be another one when a
    /// browser comes by an inside port.
    fn content_security_policy(&self, base: &str) -> String {
        let mut script = String::from("'self'");
        if self.auto_post_script {
            script = pages::auto_post_hash().to_owned();
        }
        let forms = match self.forms {
            FormTargets::Nowhere => "'none'".to_owned(),
            FormTargets::Ourselves => format!("'self' {base}"),
            FormTargets::AnyHttps => "https:".to_owned(),
        };
        let mut policy = format!(
            "default-src 'none'; script-src {script}; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action {forms}"
        );
        if !self.framable {
            policy.push_str("; frame-ancestors 'none'");
        }
        if !self.frames.is_empty() {
            policy.push_str("; frame-src ");
            policy.push_str(&self.frames.join(" "));
        }
        policy
    }

    /// Writes every header of a page.
    pub(super) fn apply(&self, response: &mut HttpResponseBuilder, base: &str) {
        response
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((
                header::CONTENT_SECURITY_POLICY,
                self.content_security_policy(base),
            ))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::PRAGMA, "no-cache"))
            .insert_header((
                "Permissions-Policy",
                "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ));
        if !self.framable {
            response
                .insert_header((header::X_FRAME_OPTIONS, "DENY"))
                .insert_header(("Cross-Origin-Opener-Policy", "same-origin"));
        }
        common(response);
    }
}

/// Headers that static files, metadata and redirects carry too.
pub(super) fn common(response: &mut HttpResponseBuilder) {
    response
        .insert_header((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::X_XSS_PROTECTION, "0"));
}

/// Scheme, host and port of an address, as CSP writes them.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_allow_what_each_page_needs_and_nothing_inline() {
        let base = "https://sts.contoso.test";
        let sign_in = PagePolicy::interactive(FormTargets::Ourselves).content_security_policy(base);
        assert!(sign_in.contains("form-action 'self' https://sts.contoso.test"));
        assert!(
            sign_in.contains("frame-ancestors 'none'") && sign_in.contains("script-src 'self';")
        );
        let auto_post = PagePolicy::auto_post().content_security_policy(base);
        assert!(
            auto_post.contains("script-src 'sha256-") && !auto_post.contains("frame-ancestors")
        );
        for policy in [sign_in, auto_post] {
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        }
    }
}
