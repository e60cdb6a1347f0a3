//! Results with the diagnostic texts of Active Directory. Clients parse these texts (the `data` code above all), so they are
//! kept to the letter, with the NUL byte that AD sends at the end.

use ldap3_proto::proto::{LdapResult, LdapResultCode};

use super::accounts::Refusal;

fn result(code: LdapResultCode, matched: &str, message: String) -> LdapResult {
    LdapResult {
        code,
        matcheddn: matched.to_owned(),
        message,
        referral: Vec::new(),
    }
}

/// An LdapErr text. The DSID is the place in AD's code that answers so; v4563 is Windows Server 2019.
fn ldap_error(win32: u32, dsid: &str, comment: &str, data: u32) -> String {
    format!("{win32:08X}: LdapErr: DSID-{dsid}, comment: {comment}, data {data:x}, v4563\0")
}

pub(super) fn success() -> LdapResult {
    result(LdapResultCode::Success, "", String::new())
}

pub(super) fn compare(equal: bool) -> LdapResult {
    let code = if equal {
        LdapResultCode::CompareTrue
    } else {
        LdapResultCode::CompareFalse
    };
    result(code, "", String::new())
}

pub(super) fn bind_refused(refusal: Refusal) -> LdapResult {
    let comment = "AcceptSecurityContext error";
    let message = ldap_error(0x8009_0308, "0C09042F", comment, refusal as u32);
    result(LdapResultCode::InvalidCredentials, "", message)
}

pub(super) fn bind_needs_tls() -> LdapResult {
    let comment = "The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection";
    let message = ldap_error(0x2028, "0C090259", comment, 0);
    result(LdapResultCode::StrongerAuthRequired, "", message)
}

pub(super) fn bind_method_unknown() -> LdapResult {
    let message = ldap_error(0x2027, "0C0905E9", "Invalid Authentication method", 0);
    result(LdapResultCode::AuthMethodNotSupported, "", message)
}

pub(super) fn not_bound() -> LdapResult {
    let comment =
        "In order to perform this operation a successful bind must be completed on the connection.";
    let message = ldap_error(0x4DC, "0C090A5C", comment, 0);
    result(LdapResultCode::OperationsError, "", message)
}

pub(super) fn no_such_object(best_match: &str) -> LdapResult {
    let message = format!(
        "0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'{best_match}'\n\0"
    );
    result(LdapResultCode::NoSuchObject, best_match, message)
}

pub(super) fn invalid_dn() -> LdapResult {
    let message = "0000208F: NameErr: DSID-031001F7, problem 2006 (BAD_NAME), data 8350, best match of:\n\t''\n\0";
    result(LdapResultCode::InvalidDNSyntax, "", message.to_owned())
}

pub(super) fn size_limit_exceeded() -> LdapResult {
    result(LdapResultCode::SizeLimitExceeded, "", String::new())
}

pub(super) fn critical_extension() -> LdapResult {
    let message = ldap_error(0x57, "0C09079D", "Error processing control", 0);
    result(LdapResultCode::UnavailableCriticalExtension, "", message)
}

pub(super) fn will_not_perform() -> LdapResult {
    let message =
        "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0".to_owned();
    result(LdapResultCode::UnwillingToPerform, "", message)
}

pub(super) fn unknown_extension() -> LdapResult {
    let message = ldap_error(0x57, "0C090C7E", "Unknown extended request OID", 0);
    result(LdapResultCode::ProtocolError, "", message)
}

pub(super) fn protocol_error(comment: &str) -> LdapResult {
    let message = ldap_error(0x57, "0C0C0083", comment, 0);
    result(LdapResultCode::ProtocolError, "", message)
}

pub(super) fn no_such_attribute() -> LdapResult {
    let message = "00000057: LdapErr: DSID-0C090D8A, comment: Error in attribute conversion operation, data 0, v4563\0";
    result(LdapResultCode::NoSuchAttribute, "", message.to_owned())
}

pub(super) fn tls_unavailable() -> LdapResult {
    let message = ldap_error(0, "0C090F78", "Error initializing SSL/TLS", 0);
    result(LdapResultCode::Unavailable, "", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_text_is_as_active_directory_writes_it() {
        assert_eq!(
            bind_refused(Refusal::Credentials).message,
            "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 52e, v4563\0"
        );
        assert!(
            bind_refused(Refusal::LockedOut)
                .message
                .contains(", data 775, ")
        );
    }
}
