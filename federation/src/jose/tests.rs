//! The vectors of the RFCs, an independent implementation as witness, and the known attacks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk as WitnessKey;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jws::{
    ES256, ES384, ES512, EdDSA, HS256, JwsHeader, JwsSigner, PS256, PS384, PS512, RS256, RS384,
    RS512, serialize_compact,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CONTENT: &str = r#"{"iss":"https://op.test","sub":"ann"}"#;

fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn set(keys: &[Value]) -> JwkSet {
    JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("keys")
}

/// A key of the witness under an id, and its public part.
fn key_for(algorithm: Algorithm) -> (WitnessKey, Value) {
    let key = match algorithm {
        Algorithm::Es256 => WitnessKey::generate_ec_key(EcCurve::P256),
        Algorithm::Es384 => WitnessKey::generate_ec_key(EcCurve::P384),
        Algorithm::Es512 => WitnessKey::generate_ec_key(EcCurve::P521),
        Algorithm::EdDsa => WitnessKey::generate_ed_key(EdCurve::Ed25519),
        _ => WitnessKey::generate_rsa_key(2048),
    };
    let mut key = key.expect("a key");
    key.set_key_id("k");
    let public = key.to_public_key().expect("a public key");
    let mut public = serde_json::to_value(&public).expect("JSON");
    // The witness leaves it out.
    public["kid"] = json!("k");
    (key, public)
}

fn signer(algorithm: Algorithm, key: &WitnessKey) -> Box<dyn JwsSigner> {
    let made = match algorithm {
        Algorithm::Rs256 => RS256
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Rs384 => RS384
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Rs512 => RS512
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Ps256 => PS256
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Ps384 => PS384
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Ps512 => PS512
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Es256 => ES256
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Es384 => ES384
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::Es512 => ES512
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
        Algorithm::EdDsa => EdDSA
            .signer_from_jwk(key)
            .map(|it| Box::new(it) as Box<dyn JwsSigner>),
    };
    made.expect("a signer")
}

fn signed_by_witness(algorithm: Algorithm, key: &WitnessKey) -> String {
    let mut header = JwsHeader::new();
    header.set_key_id("k");
    header.set_token_type("JWT");
    serialize_compact(CONTENT.as_bytes(), &header, &*signer(algorithm, key)).expect("a token")
}

/// Any header and content over a signature that really is of `key`.
fn signed(algorithm: Algorithm, key: &WitnessKey, header: &str, content: &str) -> String {
    let text = format!("{}.{}", encoded(header), encoded(content));
    let signature = signer(algorithm, key)
        .sign(text.as_bytes())
        .expect("a signature");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn what_another_implementation_signs_is_verified_with_its_own_key_alone() {
    for algorithm in Algorithm::ALL {
        let (key, public) = key_for(algorithm);
        let (_, other) = key_for(algorithm);
        let token = signed_by_witness(algorithm, &key);
        let verified = verify(&token, &set(&[public]), &Algorithm::ALL)
            .unwrap_or_else(|error| panic!("{}: {error}", algorithm.name()));
        assert_eq!(verified.algorithm(), algorithm);
        assert_eq!(verified.token_type(), Some("JWT"));
        assert_eq!(verified.claims()["sub"], "ann");
        let refused = verify(&token, &set(&[other]), &Algorithm::ALL);
        assert_eq!(
            refused.err(),
            Some(JoseError::Signature),
            "{}",
            algorithm.name()
        );
    }
}

#[test]
fn vectors_of_rfc_7515_and_8037() {
    let joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let rsa = json!({ "kty": "RSA", "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" });
    let ec = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let keys = set(&[rsa, ec, ed]);
    // RFC 7515 A.2 and A.3.
    for token in [
        format!(
            "eyJhbGciOiJSUzI1NiJ9.{joe}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        ),
        format!(
            "eyJhbGciOiJFUzI1NiJ9.{joe}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
    ] {
        let verified = verify(&token, &keys, &Algorithm::ALL).expect("verified");
        assert_eq!(verified.claims()["iss"], "joe");
    }
    // RFC 8037 A.4: its content is no JSON, which is only seen after the signature.
    let example = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(
        verify(example, &keys, &Algorithm::ALL).err(),
        Some(JoseError::Json)
    );
    // RFC 7515 A.5: unsecured.
    let unsecured = format!("eyJhbGciOiJub25lIn0.{joe}.");
    assert_eq!(
        verify(&unsecured, &keys, &Algorithm::ALL).err(),
        Some(JoseError::Algorithm)
    );
}

#[test]
fn headers_that_ask_for_something_else_are_refused() {
    let (key, public) = key_for(Algorithm::Rs256);
    let (foreign, foreign_public) = key_for(Algorithm::Rs256);
    let pem = key.to_public_key().expect("a key");
    let pem = RS256.verifier_from_jwk(&pem).map(|_| pem).expect("a key");
    let keys = set(std::slice::from_ref(&public));
    let long = format!(r#"{{"alg":"RS256","kid":"k","x":"{}"}}"#, "x".repeat(2048));
    let deep = format!(
        r#"{{"alg":"RS256","kid":"k","x":{}{}}}"#,
        "[".repeat(16),
        "]".repeat(16)
    );
    let inner_key = format!(r#"{{"alg":"RS256","kid":"k","jwk":{foreign_public}}}"#);
    for (header, refusal) in [
        (r#"{"alg":"none","kid":"k"}"#, JoseError::Algorithm),
        (r#"{"alg":"None","kid":"k"}"#, JoseError::Algorithm),
        (r#"{"alg":"rs256","kid":"k"}"#, JoseError::Algorithm),
        (r#"{"alg":"HS256","kid":"k"}"#, JoseError::Algorithm),
        (r#"{"alg":["RS256"],"kid":"k"}"#, JoseError::Header),
        (r#"{"kid":"k"}"#, JoseError::Algorithm),
        (r#"{"alg":"PS512","kid":"k"}"#, JoseError::Algorithm),
        (r#"{"alg":"PS256","kid":"k"}"#, JoseError::Signature),
        (r#"{"alg":"ES256","kid":"k"}"#, JoseError::KeyAlgorithm),
        (r#"{"alg":"RS256","kid":"other"}"#, JoseError::UnknownKey),
        (r#"{"alg":"RS256","kid":"K"}"#, JoseError::UnknownKey),
        (r#"{"alg":"RS256","kid":7}"#, JoseError::Header),
        (
            r#"{"alg":"RS256","kid":"k","crit":["exp"],"exp":1}"#,
            JoseError::Header,
        ),
        (r#"{"alg":"RS256","kid":"k","crit":[]}"#, JoseError::Header),
        (
            r#"{"alg":"RS256","kid":"k","b64":false}"#,
            JoseError::Header,
        ),
        (
            r#"{"alg":"RS256","kid":"k","enc":"A128GCM"}"#,
            JoseError::Header,
        ),
        (
            r#"{"alg":"RS256","kid":"k","cty":"jwt"}"#,
            JoseError::Header,
        ),
        (
            r#"{"alg":"RS256","kid":"k","alg":"RS256"}"#,
            JoseError::Json,
        ),
        (r#"["RS256"]"#, JoseError::Json),
        (long.as_str(), JoseError::TooLarge),
        (deep.as_str(), JoseError::Json),
    ] {
        let token = signed(Algorithm::Rs256, &key, header, CONTENT);
        let accepted = [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256];
        assert_eq!(
            verify(&token, &keys, &accepted).err(),
            Some(refusal),
            "{header}"
        );
    }
    let good = signed(
        Algorithm::Rs256,
        &key,
        r#"{"alg":"RS256","kid":"k"}"#,
        CONTENT,
    );
    assert!(verify(&good, &keys, &[Algorithm::Rs256]).is_ok());
    assert_eq!(
        verify(&good, &keys, &[Algorithm::Ps256]).err(),
        Some(JoseError::Algorithm)
    );
    // A key within the token is nobody's.
    let own_key = signed(Algorithm::Rs256, &foreign, &inner_key, CONTENT);
    assert_eq!(
        verify(&own_key, &keys, &Algorithm::ALL).err(),
        Some(JoseError::Signature)
    );
    // The public key taken for a shared secret.
    let secret = pem.to_string();
    let mac = HS256
        .signer_from_bytes(secret.as_bytes())
        .expect("a signer");
    let mut header = JwsHeader::new();
    header.set_key_id("k");
    let token = serialize_compact(CONTENT.as_bytes(), &header, &mac).expect("a token");
    assert_eq!(
        verify(&token, &keys, &Algorithm::ALL).err(),
        Some(JoseError::Algorithm)
    );
}

#[test]
fn a_token_has_one_spelling() {
    let (key, public) = key_for(Algorithm::Es256);
    let keys = set(&[public]);
    let token = signed_by_witness(Algorithm::Es256, &key);
    assert!(verify(&token, &keys, &Algorithm::ALL).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let (header, content, signature) = (parts[0], parts[1], parts[2]);
    for other in [
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token}."),
        format!("{token}.a"),
        format!("{header}.{content}"),
        format!("{header}..{signature}"),
        format!("{header}.{content}."),
        format!("{header}.{content}.{}", signature.replace(['-', '_'], "+")) + "+",
        "x".repeat(MAX_TOKEN + 1),
        String::new(),
        "..".to_owned(),
    ] {
        assert!(verify(&other, &keys, &Algorithm::ALL).is_err(), "{other}");
    }
    // The content is an object without second meanings.
    for wrong in ["[]", "\"a\"", "{\"sub\":\"a\",\"sub\":\"b\"}", "{} {}", ""] {
        let token = signed(
            Algorithm::Es256,
            &key,
            r#"{"alg":"ES256","kid":"k"}"#,
            wrong,
        );
        assert_eq!(
            verify(&token, &keys, &Algorithm::ALL).err(),
            Some(JoseError::Json),
            "{wrong}"
        );
    }
}

#[test]
fn without_an_id_there_must_be_no_choice() {
    let (key, mut public) = key_for(Algorithm::Es256);
    let (_, mut other) = key_for(Algorithm::Es256);
    let (_, rsa) = key_for(Algorithm::Rs256);
    public["kid"] = Value::Null;
    other["kid"] = Value::Null;
    let token = signed(Algorithm::Es256, &key, r#"{"alg":"ES256"}"#, CONTENT);
    let verify = |keys: &[Value]| verify(&token, &set(keys), &Algorithm::ALL).err();
    assert_eq!(verify(&[public.clone(), rsa]), None);
    assert_eq!(verify(&[public, other]), Some(JoseError::UnknownKey));
}

#[test]
fn odd_keys_are_left_out_and_do_not_spoil_the_others() {
    let (_, good) = key_for(Algorithm::Rs256);
    let (private, ec) = key_for(Algorithm::Es256);
    let changed = |key: &Value, member: &str, value: Value| {
        let mut key = key.clone();
        key[member] = value;
        key
    };
    let short = WitnessKey::generate_rsa_key(1024).expect("a key");
    let short = serde_json::to_value(short.to_public_key().expect("a key")).expect("JSON");
    let odd = [
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
        serde_json::to_value(&private).expect("JSON"),
        short,
        changed(&good, "use", json!("enc")),
        changed(&good, "key_ops", json!(["encrypt"])),
        changed(&good, "alg", json!("HS256")),
        changed(&good, "alg", json!("ES256")),
        changed(&good, "e", json!("AQ")),
        changed(&good, "e", json!("AQAC")),
        changed(&good, "n", json!("AQAB=")),
        changed(&good, "x5c", json!(["AAAA"])),
        changed(&good, "x5c", json!([])),
        changed(&ec, "y", ec["x"].clone()),
        changed(&ec, "crv", json!("P-384")),
        changed(&ec, "crv", json!("secp256k1")),
        json!("RSA"),
    ];
    for key in &odd {
        let alone = JwkSet::parse(json!({ "keys": [key] }).to_string().as_bytes());
        assert_eq!(alone.err(), Some(JoseError::NoKeys), "{key}");
    }
    let mut all = odd.to_vec();
    all.push(good);
    assert_eq!(set(&all).iter().count(), 1);
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(MAX_KEY_SET));
    assert_eq!(
        JwkSet::parse(large.as_bytes()).err(),
        Some(JoseError::TooLarge)
    );
}

proptest! {
    #[test]
    fn no_text_is_mistaken_for_a_token(text in "[A-Za-z0-9._=-]{0,200}") {
        let keys = set(&[json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })]);
        prop_assert!(verify(&text, &keys, &Algorithm::ALL).is_err());
    }

    #[test]
    fn no_octets_break_the_readers(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = JwkSet::parse(&octets);
        let _ = parse_object(&octets);
        let _ = crate::oidc::Discovery::parse(&octets, "https://op.test");
        let _ = crate::oidc::TokenResponse::parse(&octets, true);
    }

    #[test]
    fn what_is_read_means_what_another_reader_takes_it_for(text in "\\{(\"[a-c]\":([0-9]|\"x\"|\\[1\\]),){0,3}\"d\":null\\}") {
        let ours = parse_object(text.as_bytes());
        let members = text.matches("\":").count();
        let theirs: Value = serde_json::from_str(&text).expect("JSON");
        let distinct = theirs.as_object().expect("an object").len() == members;
        prop_assert_eq!(ours.is_ok(), distinct);
        if let Ok(ours) = ours {
            prop_assert_eq!(Value::Object(ours), theirs);
        }
    }

    #[test]
    fn a_changed_character_is_noticed(place in 0_usize..200, to in "[A-Za-z0-9_.-]") {
        let joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let token = format!("eyJhbGciOiJFUzI1NiJ9.{joe}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
        let keys = set(&[json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })]);
        let place = place % token.len();
        let mut changed = token.clone();
        changed.replace_range(place..=place, &to);
        prop_assert_eq!(verify(&changed, &keys, &Algorithm::ALL).is_ok(), changed == token);
    }
}
