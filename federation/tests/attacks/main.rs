//! Published attacks on signed XML, each against every kind of message that we verify (spec security 5.3).
//!
//! The cases are files. `wrapping/` has documents made of pieces of a genuine one, `tampered/` has changes to a genuine
//! document, and `signed/` has changes made before signing, so that the signature itself is right and only the rules of
//! ours can refuse it.
//!
//! A case proves nothing if it could not succeed anywhere. So wrapping cases are shown to verify with another library,
//! wherever that is lax enough, and so are signed ones; and each genuine document is accepted.

#[cfg(test)]
mod case;
#[cfg(test)]
mod kind;
#[cfg(test)]
mod signer;
#[cfg(test)]
mod witness;

#[cfg(test)]
mod tests {
    use federation::dsig::SignatureError;

    use crate::case::{cases, changes, expand};
    use crate::kind::{Kind, kinds};
    use crate::signer::{SECRET, SIGNER, STRANGER, accepted_elsewhere};

    /// What ours makes of a document: refused, or the text that it vouches for, in which nothing evil may be.
    fn judge(name: &str, kind: &Kind, document: &str) -> SignatureError {
        match (kind.authenticate)(document) {
            Err(error) => error,
            Ok(text) => {
                assert!(!text.contains("evil"), "{name}, {}: {text}", kind.name);
                panic!("{name}, {}: accepted\n{document}", kind.name)
            }
        }
    }

    #[test]
    fn genuine_documents_are_accepted_and_give_their_own_text() {
        for kind in kinds() {
            let text = (kind.authenticate)(&kind.document()).expect(kind.name);
            assert!(text.contains("alice"), "{}", kind.name);
            assert!(
                accepted_elsewhere(&kind.document(), &SIGNER),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn wrapped_documents_are_refused() {
        let (mut count, mut alive) = (0, 0);
        for case in cases("wrapping") {
            let mut applied = 0;
            let mut verified = 0;
            for kind in kinds() {
                if case.says("needs a container") && kind.container.is_none() {
                    continue;
                }
                let document = kind.within(&expand(&case.body, &kind));
                judge(&case.name, &kind, &document);
                verified += usize::from(accepted_elsewhere(&document, &SIGNER));
                applied += 1;
            }
            assert!(applied > 1, "{}", case.name);
            count += applied;
            alive += verified;
        }
        // A library that only asks whether a signature verifies takes many of these documents.
        assert!(
            alive * 3 > count,
            "{alive} of {count} could succeed anywhere"
        );
    }

    #[test]
    fn tampered_documents_are_refused() {
        for case in cases("tampered") {
            for kind in kinds() {
                let document = kind.document();
                let tampered = changes(&case, &document, &document);
                judge(&case.name, &kind, &tampered);
            }
        }
    }

    #[test]
    fn right_signatures_of_a_wrong_form_are_refused_by_the_form() {
        for case in cases("signed") {
            for kind in kinds() {
                let template = kind.within(&kind.template);
                let changed = changes(&case, &template, &template);
                let key = if case.says("signed with a foreign key") {
                    &*STRANGER
                } else if case.says("signed with the public key as a secret") {
                    &*SECRET
                } else {
                    &*SIGNER
                };
                let lax = !case.says("not verifiable by others");
                let document = match key.sign(&changed) {
                    Ok(document) => document,
                    Err(error) if lax => panic!("{}, {}: {error}", case.name, kind.name),
                    Err(_) => changed,
                };
                if lax {
                    assert!(
                        accepted_elsewhere(&document, key),
                        "{}, {}: nobody would accept this\n{document}",
                        case.name,
                        kind.name
                    );
                }
                let error = judge(&case.name, &kind, &document);
                let by_value = matches!(error, SignatureError::Digest | SignatureError::Invalid);
                let foreign = case.says("signed with a foreign key");
                assert_eq!(by_value, foreign, "{}, {}: {error}", case.name, kind.name);
            }
        }
    }
}
