//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use serde_json::{Map, Value};

use super::{Algorithm, JoseError, base64url, parse_object};

/// Largest set, in bytes. Sets with chains of certificates are the large ones.
pub const MAX_KEY_SET: usize = 256 * 1024;
/// Most keys; those after are not looked at.
const MAX_KEYS: usize = 100;
const RSA_BITS: std::ops::RangeInclusive<i32> = 2048..=8192;
/// Longer exponents only make verification slow.
const MAX_EXPONENT_BITS: i32 = 64;
/// Members that only private and shared keys have (RFC 7518 section 6). Who publishes one has lost the key.
const SECRET: [&str; 3] = ["d", "k", "p"];

/// A public key that tokens can be signed with.
#[derive(Debug, Clone)]
pub struct Jwk {
    /// Its id, an opaque text.
    id: Option<String>,
    /// The one algorithm that it is for, where the set says so.
    algorithm: Option<Algorithm>,
    key: PKey<Public>,
}

impl Jwk {
    /// Its id.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it is for `algorithm`.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && algorithm.fits(&self.key)
    }

    pub(super) fn key(&self) -> &PKey<Public> {
        &self.key
    }

    /// `None` for keys of other kinds and other uses, and for broken ones: one odd key must not lock out the others
    /// (RFC 7517 section 5).
    fn read(jwk: &Map<String, Value>) -> Option<Jwk> {
        if SECRET.iter().any(|member| jwk.contains_key(*member)) {
            return None;
        }
        if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let verifies = |operations: &Value| {
            let listed = operations.as_array();
            listed.is_some_and(|list| list.iter().any(|operation| operation == "verify"))
        };
        if jwk
            .get("key_ops")
            .is_some_and(|operations| !verifies(operations))
        {
            return None;
        }
        let algorithm = match text(jwk, "alg") {
            Some(name) => Some(Algorithm::from_name(name)?),
            None => None,
        };
        let key = match text(jwk, "kty")? {
            "RSA" => rsa(&octets(jwk, "n")?, &octets(jwk, "e")?).ok()?,
            "EC" => elliptic(text(jwk, "crv")?, &octets(jwk, "x")?, &octets(jwk, "y")?)?,
            "OKP" if text(jwk, "crv")? == "Ed25519" => {
                PKey::public_key_from_raw_bytes(&octets(jwk, "x")?, Id::ED25519).ok()?
            }
            _ => return None,
        };
        let long_enough = key.id() != Id::RSA
            || key.rsa().is_ok_and(|rsa| {
                RSA_BITS.contains(&rsa.n().num_bits())
                    && (2..=MAX_EXPONENT_BITS).contains(&rsa.e().num_bits())
                    && rsa.e().is_bit_set(0)
            });
        let same = jwk.get("x5c").is_none_or(|chain| is_certified(chain, &key));
        let fits = algorithm.is_none_or(|algorithm| algorithm.fits(&key));
        (long_enough && same && fits).then(|| Jwk {
            id: text(jwk, "kid").map(str::to_owned),
            algorithm,
            key,
        })
    }
}

/// The keys of one issuer.
#[derive(Debug, Clone)]
pub struct JwkSet(Vec<Jwk>);

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// [`JoseError::TooLarge`], [`JoseError::Json`], or [`JoseError::NoKeys`] when no key in it can be used.
    pub fn parse(octets: &[u8]) -> Result<JwkSet, JoseError> {
        if octets.len() > MAX_KEY_SET {
            return Err(JoseError::TooLarge);
        }
        let set = parse_object(octets)?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys: Vec<Jwk> = keys
            .into_iter()
            .flatten()
            .take(MAX_KEYS)
            .filter_map(|key| Jwk::read(key.as_object()?))
            .collect();
        if keys.is_empty() {
            return Err(JoseError::NoKeys);
        }
        Ok(JwkSet(keys))
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &Jwk> {
        self.0.iter()
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> Option<&'a str> {
    jwk.get(member)?.as_str()
}

fn octets(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    base64url(text(jwk, member)?)
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    let (n, e) = (BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?);
    PKey::from_rsa(Rsa::from_public_components(n, e)?)
}

/// Coordinates are as long as the curve (RFC 7518 section 6.2.1.2), and the point must lie on it.
fn elliptic(curve: &str, x: &[u8], y: &[u8]) -> Option<PKey<Public>> {
    let (nid, length) = match curve {
        "P-256" => (Nid::X9_62_PRIME256V1, 32),
        "P-384" => (Nid::SECP384R1, 48),
        "P-521" => (Nid::SECP521R1, 66),
        _ => return None,
    };
    if x.len() != length || y.len() != length {
        return None;
    }
    let read = || -> Result<PKey<Public>, ErrorStack> {
        let group = EcGroup::from_curve_name(nid)?;
        let (x, y) = (BigNum::from_slice(x)?, BigNum::from_slice(y)?);
        let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y)?;
        key.check_key()?;
        let mut context = BigNumContext::new()?;
        if key.public_key().is_on_curve(&group, &mut context)? {
            PKey::from_ec_key(key)
        } else {
            Err(ErrorStack::get())
        }
    };
    read().ok()
}

/// Whether the first certificate of `x5c` is of this key, as it must be (RFC 7517 section 4.7). Nothing else of it counts.
fn is_certified(chain: &Value, key: &PKey<Public>) -> bool {
    let first = chain.as_array().and_then(|chain| chain.first()?.as_str());
    let certificate = first
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|der| X509::from_der(&der).ok());
    certificate
        .and_then(|certificate| certificate.public_key().ok())
        .is_some_and(|certified| certified.public_eq(key))
}
