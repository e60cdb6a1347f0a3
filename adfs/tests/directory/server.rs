//! A directory that does as it is told: it answers from a short list of people, remembers what each connection asked
//! for, and fails on command.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapBindResponse, LdapExtendedResponse, LdapFilter, LdapMsg,
    LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchRequest,
    LdapSearchResultEntry, LdapSearchResultReference,
};
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_openssl::SslStream;
use tokio_util::codec::Framed;

pub(crate) const SERVICE_DN: &str = "CN=adfs,DC=contoso,DC=test";
/// What a slow password hash costs.
pub(crate) const HASHING: Duration = Duration::from_millis(60);
pub(crate) const SERVICE_PASSWORD: &str = "Service@word1";

/// Protection of the connections.
#[derive(Clone)]
pub(crate) enum Protection {
    None,
    Ldaps(SslAcceptor),
    /// Answers StartTLS; `extra` octets follow the answer unprotected.
    StartTls(SslAcceptor, Vec<u8>),
    /// Knows no StartTLS.
    Refused,
}

/// What to do with the next operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Serve,
    /// Reads and never answers a search.
    HangOnSearch,
    /// Closes the connection at a search.
    CloseOnSearch,
    /// Closes the connection at a user's bind.
    CloseOnBind,
    /// Answers a search with octets that are no LDAP.
    Garbage,
    /// Answers a search with more entries than were asked for.
    TooMany,
    /// Answers that it is busy.
    Busy,
    /// Points elsewhere.
    Refer,
    /// Takes [`HASHING`] to check the password of an account that exists.
    Hash,
}

/// Something that a connection asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    ServiceBind,
    UserBind {
        dn: String,
        password: String,
    },
    Search {
        filter: String,
        attributes: usize,
        size_limit: i32,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) dn: String,
    pub(crate) password: String,
    /// `data` of a refused bind with the right password.
    pub(crate) refusal: Option<&'static str>,
    pub(crate) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Person {
    /// An account with the usual attributes.
    pub(crate) fn new(user: &str) -> Person {
        let sid = [
            &[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0][..],
            &1101_u32.to_le_bytes(),
        ]
        .concat();
        let text = |value: &str| vec![value.as_bytes().to_vec()];
        let mut guid = user.as_bytes().to_vec();
        guid.resize(16, b'.');
        Person {
            dn: format!("CN={user},DC=contoso,DC=test"),
            password: "Pass@word1".to_owned(),
            refusal: None,
            attributes: vec![
                ("objectClass".to_owned(), text("user")),
                ("sAMAccountName".to_owned(), text(user)),
                (
                    "userPrincipalName".to_owned(),
                    text(&format!("{user}@contoso.test")),
                ),
                ("displayName".to_owned(), text(user)),
                ("objectGUID".to_owned(), vec![guid]),
                ("objectSid".to_owned(), vec![sid]),
                ("primaryGroupID".to_owned(), text("513")),
                ("userAccountControl".to_owned(), text("512")),
                ("pwdLastSet".to_owned(), text("133485408000000000")),
            ],
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &[u8]) -> Person {
        self.attributes.retain(|(known, _)| known != name);
        self.attributes
            .push((name.to_owned(), vec![value.to_vec()]));
        self
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &Vec<u8>> {
        let found = self
            .attributes
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        found.flat_map(|(_, values)| values)
    }
}

#[derive(Debug)]
struct State {
    people: Mutex<Vec<Person>>,
    mood: Mutex<Mood>,
    /// One list for each connection.
    seen: Mutex<Vec<Vec<Seen>>>,
}

/// A running server; dropping it ends it with all its connections.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(people: Vec<Person>) -> Server {
        Server::start_on(
            "127.0.0.1:0".parse().expect("an address"),
            Protection::None,
            people,
        )
        .await
    }

    pub(crate) async fn start_on(
        address: SocketAddr,
        tls: Protection,
        people: Vec<Person>,
    ) -> Server {
        let listener = TcpListener::bind(address).await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let people = Mutex::new(people);
        let state = Arc::new(State {
            people,
            mood: Mutex::new(Mood::Serve),
            seen: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Server {
            address,
            state,
            task,
        }
    }

    /// Ends it; the port is free when this returns.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.state.mood.lock().expect("the mood") = mood;
    }

    pub(crate) fn set_people(&self, people: Vec<Person>) {
        *self.state.people.lock().expect("people") = people;
    }

    /// What was asked for, by connection.
    pub(crate) fn connections(&self) -> Vec<Vec<Seen>> {
        self.state.seen.lock().expect("what was seen").clone()
    }

    /// What was asked for, service binds left out; searches first.
    pub(crate) fn operations(&self) -> Vec<Seen> {
        let all = self
            .connections()
            .into_iter()
            .flatten()
            .filter(|seen| *seen != Seen::ServiceBind);
        let (searches, binds): (Vec<Seen>, Vec<Seen>) =
            all.partition(|seen| matches!(seen, Seen::Search { .. }));
        searches.into_iter().chain(binds).collect()
    }

    pub(crate) fn forget(&self) {
        self.state
            .seen
            .lock()
            .expect("what was seen")
            .iter_mut()
            .for_each(Vec::clear);
    }
}

async fn accept(listener: TcpListener, tls: Protection, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let number = {
            let mut seen = state.seen.lock().expect("what was seen");
            seen.push(Vec::new());
            seen.len() - 1
        };
        connections.spawn(protect(stream, tls.clone(), Arc::clone(&state), number));
    }
}

async fn protect(stream: TcpStream, tls: Protection, state: Arc<State>, number: usize) {
    match tls {
        Protection::None | Protection::Refused => serve(stream, &state, number).await,
        Protection::Ldaps(acceptor) => {
            if let Some(stream) = handshake(stream, &acceptor).await {
                serve(stream, &state, number).await;
            }
        }
        Protection::StartTls(acceptor, extra) => {
            let mut framed = Framed::new(stream, LdapCodec::default());
            let Some(Ok(LdapMsg {
                msgid,
                op: LdapOp::ExtendedRequest(request),
                ..
            })) = framed.next().await
            else {
                return;
            };
            assert_eq!(
                request.name, "1.3.6.1.4.1.1466.20037",
                "something was said before StartTLS"
            );
            let answer = LdapOp::ExtendedResponse(LdapExtendedResponse {
                res: success(),
                name: None,
                value: None,
            });
            let _ = framed.send(message(msgid, answer)).await;
            let mut stream = framed.into_inner();
            let _ = stream.write_all(&extra).await;
            if let Some(stream) = handshake(stream, &acceptor).await {
                serve(stream, &state, number).await;
            }
        }
    }
}

async fn handshake(stream: TcpStream, acceptor: &SslAcceptor) -> Option<SslStream<TcpStream>> {
    let mut stream = SslStream::new(Ssl::new(acceptor.context()).ok()?, stream).ok()?;
    std::pin::Pin::new(&mut stream).accept().await.ok()?;
    Some(stream)
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, state: &State, number: usize) {
    let mut framed = Framed::new(stream, LdapCodec::default());
    while let Some(Ok(LdapMsg { msgid, op, .. })) = framed.next().await {
        let mood = *state.mood.lock().expect("the mood");
        let answers = match op {
            LdapOp::BindRequest(request) => {
                let seen = bind_seen(&request);
                let is_user = seen != Seen::ServiceBind;
                remember(state, number, seen);
                if is_user && mood == Mood::CloseOnBind {
                    return;
                }
                if mood == Mood::Hash && is_person(state, &request.dn) {
                    tokio::time::sleep(HASHING).await;
                }
                vec![LdapOp::BindResponse(LdapBindResponse {
                    res: bind(state, &request),
                    saslcreds: None,
                })]
            }
            LdapOp::SearchRequest(request) => {
                let seen = Seen::Search {
                    filter: format!("{:?}", request.filter),
                    attributes: request.attrs.len(),
                    size_limit: request.sizelimit,
                };
                remember(state, number, seen);
                match mood {
                    Mood::HangOnSearch => std::future::pending().await,
                    Mood::CloseOnSearch => return,
                    Mood::Garbage => {
                        let _ = framed
                            .get_mut()
                            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                            .await;
                        continue;
                    }
                    _ => search(state, &request, mood),
                }
            }
            LdapOp::ExtendedRequest(_) => {
                let res = result(
                    LdapResultCode::ProtocolError,
                    "unsupported extended operation",
                );
                vec![LdapOp::ExtendedResponse(LdapExtendedResponse {
                    res,
                    name: None,
                    value: None,
                })]
            }
            _ => return,
        };
        for answer in answers {
            if framed.send(message(msgid, answer)).await.is_err() {
                return;
            }
        }
    }
}

fn remember(state: &State, number: usize, seen: Seen) {
    if let Some(list) = state.seen.lock().expect("what was seen").get_mut(number) {
        list.push(seen);
    }
}

fn bind_seen(request: &LdapBindRequest) -> Seen {
    let LdapBindCred::Simple(password) = &request.cred else {
        panic!("not a simple bind")
    };
    if request.dn == SERVICE_DN {
        return Seen::ServiceBind;
    }
    Seen::UserBind {
        dn: request.dn.clone(),
        password: password.clone(),
    }
}

fn is_person(state: &State, dn: &str) -> bool {
    state
        .people
        .lock()
        .expect("people")
        .iter()
        .any(|person| person.dn == dn)
}

fn bind(state: &State, request: &LdapBindRequest) -> LdapResult {
    let LdapBindCred::Simple(password) = &request.cred else {
        panic!("not a simple bind")
    };
    if request.dn == SERVICE_DN && password == SERVICE_PASSWORD {
        return success();
    }
    let people = state.people.lock().expect("people");
    let person = people
        .iter()
        .find(|person| person.dn == request.dn && person.password == *password);
    let data = match person {
        None => "52e",
        Some(Person {
            refusal: Some(data),
            ..
        }) => data,
        Some(_) => return success(),
    };
    let text = format!(
        "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data {data}, v4563\0"
    );
    result(LdapResultCode::InvalidCredentials, &text)
}

fn search(state: &State, request: &LdapSearchRequest, mood: Mood) -> Vec<LdapOp> {
    match mood {
        Mood::Busy => {
            return vec![LdapOp::SearchResultDone(result(
                LdapResultCode::Busy,
                "busy",
            ))];
        }
        Mood::Refer => {
            let mut elsewhere = result(LdapResultCode::Referral, "elsewhere");
            elsewhere.referral = vec!["ldap://elsewhere.test/DC=contoso,DC=test".to_owned()];
            return vec![LdapOp::SearchResultDone(elsewhere)];
        }
        _ => (),
    }
    let people = state.people.lock().expect("people");
    let scope_fits =
        |person: &&Person| request.base == "DC=contoso,DC=test" || request.base == person.dn;
    let mut found: Vec<LdapOp> = people
        .iter()
        .filter(scope_fits)
        .filter(|person| matches(person, &request.filter))
        .map(|person| LdapOp::SearchResultEntry(entry(person, &request.attrs)))
        .collect();
    let limit = usize::try_from(request.sizelimit).expect("a limit");
    let mut code = LdapResultCode::Success;
    if mood == Mood::TooMany {
        found = std::iter::repeat_n(found, limit + 1).flatten().collect();
    } else if limit > 0 && found.len() > limit {
        found.truncate(limit);
        code = LdapResultCode::SizeLimitExceeded;
    }
    // As Active Directory does at the end of searches over a whole domain.
    let uris = vec!["ldap://ForestDnsZones.contoso.test/".to_owned()];
    found.push(LdapOp::SearchResultReference(LdapSearchResultReference {
        uris,
    }));
    found.push(LdapOp::SearchResultDone(result(code, "")));
    found
}

fn entry(person: &Person, attributes: &[String]) -> LdapSearchResultEntry {
    let asked = person
        .attributes
        .iter()
        .filter(|(name, _)| {
            attributes
                .iter()
                .any(|asked| asked.eq_ignore_ascii_case(name))
        })
        .map(|(name, values)| LdapPartialAttribute {
            atype: name.clone(),
            vals: values.clone(),
        });
    LdapSearchResultEntry {
        dn: person.dn.clone(),
        attributes: asked.collect(),
    }
}

fn matches(person: &Person, filter: &LdapFilter) -> bool {
    match filter {
        LdapFilter::And(all) => all.iter().all(|filter| matches(person, filter)),
        LdapFilter::Or(any) => any.iter().any(|filter| matches(person, filter)),
        LdapFilter::Not(filter) => !matches(person, filter),
        LdapFilter::Equality(name, value) => person
            .values(name)
            .any(|known| known.eq_ignore_ascii_case(value.as_bytes())),
        LdapFilter::Present(name) => person.values(name).next().is_some(),
        other => panic!("a filter that nobody should send: {other:?}"),
    }
}

fn message(msgid: i32, op: LdapOp) -> LdapMsg {
    LdapMsg {
        msgid,
        op,
        ctrl: Vec::new(),
    }
}

fn success() -> LdapResult {
    result(LdapResultCode::Success, "")
}

fn result(code: LdapResultCode, message: &str) -> LdapResult {
    LdapResult {
        code,
        matcheddn: String::new(),
        message: message.to_owned(),
        referral: Vec::new(),
    }
}
