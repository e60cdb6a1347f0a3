//! Carries a search out: scope, filter, size limit and pages.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ldap3_proto::proto::{LdapPartialAttribute, LdapResult};

use super::diagnostics;
use super::dn::Dn;
use super::entry::EntryId;
use super::filter::{Predicate, Truth};
use super::request::{Scope, Search};
use super::view::{Selection, View};

/// The most entries in one answer or page: AD's MaxPageSize.
pub(super) const MAX_PAGE_SIZE: u32 = 1_000;

/// A page asked for by the paged results control (RFC 2696).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) size: u32,
    pub(super) cookie: Vec<u8>,
}

/// What a search answers.
pub(super) struct Answer {
    /// DN and attributes of each entry.
    pub(super) entries: Vec<(String, Vec<LdapPartialAttribute>)>,
    pub(super) result: LdapResult,
    /// The cookie of the next page, empty at the end; none when no page was asked for.
    pub(super) cookie: Option<Vec<u8>>,
}

impl Answer {
    pub(super) fn refused(result: LdapResult) -> Answer {
        Answer {
            entries: Vec::new(),
            result,
            cookie: None,
        }
    }
}

/// Where the next page begins. The tree does not change, so that a position and a mark of the request are enough, and the
/// server keeps nothing between pages.
struct Position {
    skip: u64,
    sent: u64,
    request: u64,
}

impl Position {
    fn read(cookie: &[u8]) -> Option<Position> {
        let (skip, rest) = cookie.split_first_chunk()?;
        let (sent, rest) = rest.split_first_chunk()?;
        let request = rest.try_into().ok()?;
        Some(Position {
            skip: u64::from_be_bytes(*skip),
            sent: u64::from_be_bytes(*sent),
            request: u64::from_be_bytes(request),
        })
    }

    fn write(&self) -> Vec<u8> {
        [self.skip, self.sent, self.request]
            .iter()
            .flat_map(|part| part.to_be_bytes())
            .collect()
    }
}

/// Answers `search` from the entries.
pub(super) fn search(view: &View<'_>, search: &Search, page: Option<&Page>) -> Answer {
    let Ok(base) = Dn::parse(&search.base) else {
        return Answer::refused(diagnostics::invalid_dn());
    };
    if view.tree.by_name(&base).is_none() {
        return Answer::refused(diagnostics::no_such_object(&best_match(view, &base)));
    }
    let fingerprint = fingerprint(search);
    let start = match page {
        Some(page) if !page.cookie.is_empty() => {
            match Position::read(&page.cookie).filter(|start| start.request == fingerprint) {
                Some(start) => start,
                // RFC 2696 3: another search may not go on with this cookie.
                None => return Answer::refused(diagnostics::will_not_perform()),
            }
        }
        _ => Position {
            skip: 0,
            sent: 0,
            request: fingerprint,
        },
    };
    match page {
        // RFC 2696 3: size 0 with a cookie gives the search up.
        Some(page) if page.size == 0 && !page.cookie.is_empty() => Answer {
            entries: Vec::new(),
            result: diagnostics::success(),
            cookie: Some(Vec::new()),
        },
        _ => run(view, search, &base, page, start),
    }
}

fn run(
    view: &View<'_>,
    search: &Search,
    base: &Dn,
    page: Option<&Page>,
    start: Position,
) -> Answer {
    let asked = u64::from(search.size_limit);
    let wanted = if asked == 0 {
        u64::MAX
    } else {
        asked.saturating_sub(start.sent)
    };
    let page_size = page.map_or(0, |page| page.size);
    let room = if page_size == 0 {
        MAX_PAGE_SIZE
    } else {
        page_size.min(MAX_PAGE_SIZE)
    };
    let room = u64::from(room);
    let predicate = Predicate::prepare(&search.filter, view.tree);
    let selection = Selection::new(&search.attributes, search.types_only);
    let base_search = search.scope == Scope::Base;
    let mut answer = Answer {
        entries: Vec::new(),
        result: diagnostics::success(),
        cookie: page.map(|_| Vec::new()),
    };
    let mut sent = 0;
    for (position, id) in (0u64..).zip(in_scope(view, search.scope, base, &predicate)) {
        if position < start.skip {
            continue;
        }
        let Some(entry) = view.tree.entry(id) else {
            continue;
        };
        if predicate.test(id, entry, view) != Truth::True {
            continue;
        }
        if sent >= wanted || (sent >= room && page.is_none()) {
            answer.result = diagnostics::size_limit_exceeded();
            break;
        }
        if sent >= room {
            let next = Position {
                skip: position,
                sent: start.sent + sent,
                ..start
            };
            answer.cookie = Some(next.write());
            break;
        }
        sent += 1;
        answer.entries.push((
            entry.dn.clone(),
            view.select(id, entry, &selection, base_search),
        ));
    }
    answer
}

/// The entries in scope that can match, in a fixed order.
fn in_scope(view: &View<'_>, scope: Scope, base: &Dn, predicate: &Predicate) -> Vec<EntryId> {
    let in_scope = |name: &Dn| match scope {
        Scope::Base => name == base,
        Scope::One => name.depth() == base.depth() + 1 && name.is_within(base),
        Scope::Subtree => name.is_within(base),
    };
    if scope == Scope::Base {
        return view.tree.by_name(base).into_iter().collect();
    }
    match predicate.candidates(view.tree) {
        Some(ids) => ids
            .into_iter()
            .filter(|id| {
                view.tree
                    .entry(*id)
                    .is_some_and(|entry| in_scope(&entry.name))
            })
            .collect(),
        None => view
            .tree
            .subtree(base)
            .filter(|id| {
                view.tree
                    .entry(*id)
                    .is_some_and(|entry| in_scope(&entry.name))
            })
            .collect(),
    }
}

/// A mark of everything that decides what a search finds.
fn fingerprint(search: &Search) -> u64 {
    let mut hasher = DefaultHasher::new();
    search.hash(&mut hasher);
    hasher.finish()
}

/// The deepest entry above a name that is not there.
fn best_match(view: &View<'_>, name: &Dn) -> String {
    let mut next = name.parent();
    while let Some(name) = next {
        let entry = view.tree.by_name(&name).and_then(|id| view.tree.entry(id));
        if let Some(entry) = entry {
            return entry.dn.clone();
        }
        next = name.parent();
    }
    String::new()
}
