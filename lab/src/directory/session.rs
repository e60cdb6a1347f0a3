//! One client's conversation: who it is, and what each request answers. No sockets here.

use std::sync::Arc;
use std::time::Duration;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode,
    LdapSearchResultEntry, LdapSearchResultReference,
};

use super::accounts::{Accounts, resolve};
use super::diagnostics;
use super::dn::Dn;
use super::entry::{EntryId, asserted_key};
use super::filter::Attributes as _;
use super::request::{
    Control, Credentials, Message, Operation, Scope, Search, Write, paged_results,
};
use super::root_dse;
use super::schema;
use super::search::{Answer, Page, search};
use super::tree::Tree;
use super::view::View;
use crate::clock::Clock;

/// The paged results control (RFC 2696).
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// LDAP_SERVER_DOMAIN_SCOPE_OID: send no references (MS-ADTS 3.1.1.3.4.1.4).
pub(super) const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
/// "Who am I?" (RFC 4532).
pub(super) const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
/// StartTLS (RFC 4511 4.14).
pub(super) const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Notice of disconnection (RFC 4511 4.4.1).
const DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

/// What all sessions of a server share.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) tree: Tree,
    pub(super) accounts: Accounts,
    pub(super) clock: Clock,
    pub(super) host: String,
    /// Simple binds with a password are refused on a connection without TLS.
    pub(super) bind_needs_tls: bool,
    /// Searches from the domain's root end with references to other partitions, as AD's do.
    pub(super) references: bool,
    /// How long each answer is held back.
    pub(super) answer_delay: Duration,
    /// StartTLS is offered.
    pub(super) start_tls: bool,
}

/// What the connection does after the answers are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    StartTls,
    Close,
}

/// The state of one connection.
pub(super) struct Session {
    directory: Arc<Directory>,
    user: Option<EntryId>,
    tls: bool,
}

/// The answer to bytes that are no request; the connection closes after it.
pub(super) fn disconnection(comment: &str) -> LdapMsg {
    let res = diagnostics::protocol_error(comment);
    let response = LdapExtendedResponse {
        res,
        name: Some(DISCONNECTION.to_owned()),
        value: None,
    };
    LdapMsg::new(0, LdapOp::ExtendedResponse(response))
}

impl Session {
    pub(super) fn new(directory: Arc<Directory>, tls: bool) -> Session {
        Session {
            directory,
            user: None,
            tls,
        }
    }

    /// Answers one request.
    pub(super) fn answer(&mut self, message: Message) -> (Vec<LdapMsg>, Next) {
        let Message {
            id,
            operation,
            controls,
        } = message;
        let reply = |op| (vec![LdapMsg::new(id, op)], Next::Continue);
        let refused = controls
            .iter()
            .any(|control| control.critical && !is_known(control));
        match operation {
            Operation::Unbind => (Vec::new(), Next::Close),
            // Requests are answered one after the other, so there is never one left to abandon.
            Operation::Abandon => (Vec::new(), Next::Continue),
            operation if refused => reply(result_of(&operation, diagnostics::critical_extension())),
            Operation::Bind {
                version,
                name,
                credentials,
            } => {
                let res = self.bind(version, &name, &credentials);
                reply(LdapOp::BindResponse(LdapBindResponse {
                    res,
                    saslcreds: None,
                }))
            }
            Operation::Search(search) => (self.search(id, &search, &controls), Next::Continue),
            Operation::Compare {
                dn,
                attribute,
                value,
            } => reply(LdapOp::CompareResult(self.compare(&dn, &attribute, &value))),
            Operation::Extended { oid } => self.extended(id, &oid),
            operation @ Operation::Write(_) => {
                let result = match self.user {
                    Some(_) => diagnostics::will_not_perform(),
                    None => diagnostics::not_bound(),
                };
                reply(result_of(&operation, result))
            }
        }
    }

    fn bind(&mut self, version: i64, name: &str, credentials: &Credentials) -> LdapResult {
        // Whatever comes of it, a bind ends the earlier identity (RFC 4511 4.2.1).
        self.user = None;
        if version != 3 {
            return diagnostics::protocol_error("Only LDAP version 3 is supported");
        }
        let Credentials::Simple(password) = credentials else {
            return diagnostics::bind_method_unknown();
        };
        // An empty password proves nothing, but AD answers success and leaves the connection anonymous (RFC 4513 5.1.2).
        if password.is_empty() {
            return diagnostics::success();
        }
        let directory = &self.directory;
        if directory.bind_needs_tls && !self.tls {
            return diagnostics::bind_needs_tls();
        }
        let now = directory.clock.now();
        match directory
            .accounts
            .authenticate(&directory.tree, name, password, now)
        {
            Ok(id) => {
                self.user = Some(id);
                diagnostics::success()
            }
            Err(refusal) => {
                let known = resolve(&directory.tree, name).is_some();
                tracing::info!(?refusal, known, "directory: bind refused");
                diagnostics::bind_refused(refusal)
            }
        }
    }

    fn search(&self, id: i32, request: &Search, controls: &[Control]) -> Vec<LdapMsg> {
        let directory = &self.directory;
        let page = match page(controls) {
            Ok(page) => page,
            Err(result) => return vec![LdapMsg::new(id, LdapOp::SearchResultDone(result))],
        };
        let now = directory.clock.now();
        let answer = if request.base.is_empty() && request.scope == Scope::Base {
            let start_tls = directory.start_tls;
            let root = root_dse::answer(&directory.tree, &directory.host, request, start_tls, now);
            Answer {
                entries: root
                    .map(|attributes| (String::new(), attributes))
                    .into_iter()
                    .collect(),
                result: diagnostics::success(),
                cookie: page.map(|_| Vec::new()),
            }
        } else if self.user.is_none() {
            Answer::refused(diagnostics::not_bound())
        } else {
            let view = View {
                tree: &directory.tree,
                accounts: &directory.accounts,
                now,
            };
            search(&view, request, page.as_ref())
        };
        let mut messages: Vec<LdapMsg> = answer
            .entries
            .into_iter()
            .map(|(dn, attributes)| LdapSearchResultEntry { dn, attributes })
            .map(|entry| LdapMsg::new(id, LdapOp::SearchResultEntry(entry)))
            .collect();
        let last_page = answer.cookie.as_ref().is_none_or(Vec::is_empty);
        if answer.result.code == LdapResultCode::Success && last_page {
            messages.extend(
                self.references(request, controls)
                    .map(|op| LdapMsg::new(id, op)),
            );
        }
        let done = LdapOp::SearchResultDone(answer.result);
        let control = answer
            .cookie
            .map(|cookie| LdapControl::SimplePagedResults { size: 0, cookie });
        messages.push(LdapMsg::new_with_ctrls(
            id,
            done,
            control.into_iter().collect(),
        ));
        messages
    }

    /// AD's reference to the DNS partition, which a client must not follow with its credentials.
    fn references(&self, request: &Search, controls: &[Control]) -> Option<LdapOp> {
        let directory = &self.directory;
        let from_root = request.scope == Scope::Subtree
            && Dn::parse(&request.base).is_ok_and(|base| base == *directory.tree.suffix_name());
        let wanted = directory.references && from_root;
        if !wanted || controls.iter().any(|control| control.oid == DOMAIN_SCOPE) {
            return None;
        }
        let (domain, suffix) = (directory.tree.dns_domain(), directory.tree.suffix());
        let uri = format!("ldap://DomainDnsZones.{domain}/DC=DomainDnsZones,{suffix}");
        Some(LdapOp::SearchResultReference(LdapSearchResultReference {
            uris: vec![uri],
        }))
    }

    fn compare(&self, dn: &str, attribute: &str, value: &[u8]) -> LdapResult {
        let directory = &self.directory;
        let tree = &directory.tree;
        if self.user.is_none() {
            return diagnostics::not_bound();
        }
        let Ok(name) = Dn::parse(dn) else {
            return diagnostics::invalid_dn();
        };
        let entry = tree
            .by_name(&name)
            .and_then(|id| Some((id, tree.entry(id)?)));
        let Some((id, entry)) = entry else {
            return diagnostics::no_such_object(tree.suffix());
        };
        let view = View {
            tree,
            accounts: &directory.accounts,
            now: directory.clock.now(),
        };
        let found = schema::attribute(attribute)
            .and_then(|kind| Some((kind, view.attribute(id, entry, kind)?)));
        match found {
            Some((kind, stored)) => {
                let key = asserted_key(kind, value, tree.suffix());
                let equal = stored
                    .values
                    .iter()
                    .any(|value| Some(&value.key) == key.as_ref());
                diagnostics::compare(equal)
            }
            None => diagnostics::no_such_attribute(),
        }
    }

    fn extended(&self, id: i32, oid: &str) -> (Vec<LdapMsg>, Next) {
        let (res, value, next) = match oid {
            WHO_AM_I => {
                let value = self
                    .user
                    .map(|user| self.principal(user))
                    .unwrap_or_default();
                (diagnostics::success(), Some(value), Next::Continue)
            }
            START_TLS if self.tls || !self.directory.start_tls => {
                (diagnostics::tls_unavailable(), None, Next::Continue)
            }
            START_TLS => (diagnostics::success(), None, Next::StartTls),
            _ => (diagnostics::unknown_extension(), None, Next::Continue),
        };
        // Only StartTLS answers with its name (RFC 4511 4.14.2, RFC 4532 2.2).
        let name = (oid == START_TLS).then(|| START_TLS.to_owned());
        let response = LdapExtendedResponse { res, name, value };
        (
            vec![LdapMsg::new(id, LdapOp::ExtendedResponse(response))],
            next,
        )
    }

    /// `u:DOMAIN\name`, as AD tells who one is.
    fn principal(&self, user: EntryId) -> Vec<u8> {
        let tree = &self.directory.tree;
        let account = tree
            .entry(user)
            .and_then(|entry| entry.text("sAMAccountName"));
        format!(
            "u:{}\\{}",
            tree.netbios_domain(),
            account.unwrap_or_default()
        )
        .into_bytes()
    }
}

fn is_known(control: &Control) -> bool {
    matches!(control.oid.as_str(), PAGED_RESULTS | DOMAIN_SCOPE)
}

fn page(controls: &[Control]) -> Result<Option<Page>, LdapResult> {
    let Some(control) = controls.iter().find(|control| control.oid == PAGED_RESULTS) else {
        return Ok(None);
    };
    let value = control.value.as_deref().map(paged_results);
    match value {
        Some(Ok((size, cookie))) => Ok(Some(Page { size, cookie })),
        _ => Err(diagnostics::protocol_error("Error processing control")),
    }
}

/// The response that belongs to a request, with a result that is all there is to say.
fn result_of(operation: &Operation, result: LdapResult) -> LdapOp {
    match operation {
        Operation::Bind { .. } => LdapOp::BindResponse(LdapBindResponse {
            res: result,
            saslcreds: None,
        }),
        Operation::Compare { .. } => LdapOp::CompareResult(result),
        Operation::Write(Write::Modify) => LdapOp::ModifyResponse(result),
        Operation::Write(Write::Add) => LdapOp::AddResponse(result),
        Operation::Write(Write::Delete) => LdapOp::DelResponse(result),
        Operation::Write(Write::Rename) => LdapOp::ModifyDNResponse(result),
        Operation::Search(_) => LdapOp::SearchResultDone(result),
        Operation::Extended { .. } | Operation::Unbind | Operation::Abandon => {
            LdapOp::ExtendedResponse(LdapExtendedResponse {
                res: result,
                name: None,
                value: None,
            })
        }
    }
}
