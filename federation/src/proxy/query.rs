//! The version parameter of control requests (MS-ADFSPIP 3.4.5).

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Version of the control interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    /// Every control resource; what proxies of 2012 R2 send.
    V1,
    /// `GetConfiguration` only; what proxies since 2016 send.
    V2,
}

/// Why a request names no version that can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ApiVersionError {
    /// Absent: the server answers 500.
    #[error("the request has no api-version parameter")]
    Missing,
    /// Present, and not served here: the server answers 501.
    #[error("the request's api-version is not supported")]
    Unsupported,
}

impl ApiVersionError {
    /// HTTP status code of the answer (spec proxy-integration 2.0).
    pub fn status(self) -> u16 {
        match self {
            ApiVersionError::Missing => 500,
            ApiVersionError::Unsupported => 501,
        }
    }
}

impl ApiVersion {
    /// Name of the parameter; compared without case.
    pub const PARAMETER: &'static str = "api-version";

    /// Finds the version in a raw query string (no leading `?`). Given more than once, it is not supported.
    ///
    /// # Errors
    /// When it is absent or unknown.
    pub fn of_query(query: &str) -> Result<ApiVersion, ApiVersionError> {
        let mut values = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8().ok()?;
            name.eq_ignore_ascii_case(ApiVersion::PARAMETER)
                .then(|| percent_decode_str(value).decode_utf8().unwrap_or_default())
        });
        let first = values.next().ok_or(ApiVersionError::Missing)?;
        match (first.as_ref(), values.next()) {
            ("1", None) => Ok(ApiVersion::V1),
            ("2", None) => Ok(ApiVersion::V2),
            _ => Err(ApiVersionError::Unsupported),
        }
    }

    /// The query string that names it, without `?`.
    pub fn as_query(self) -> &'static str {
        match self {
            ApiVersion::V1 => "api-version=1",
            ApiVersion::V2 => "api-version=2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        for (query, expected) in [
            ("api-version=1", Ok(ApiVersion::V1)),
            ("x=1&API-Version=2", Ok(ApiVersion::V2)),
            ("api%2Dversion=%31", Ok(ApiVersion::V1)),
            ("", Err(ApiVersionError::Missing)),
            ("api=1", Err(ApiVersionError::Missing)),
            ("api-version=", Err(ApiVersionError::Unsupported)),
            ("api-version", Err(ApiVersionError::Unsupported)),
            ("api-version=3", Err(ApiVersionError::Unsupported)),
            (
                "api-version=1&api-version=1",
                Err(ApiVersionError::Unsupported),
            ),
        ] {
            assert_eq!(ApiVersion::of_query(query), expected, "{query}");
        }
        for version in [ApiVersion::V1, ApiVersion::V2] {
            assert_eq!(ApiVersion::of_query(version.as_query()), Ok(version));
        }
        assert_eq!(ApiVersionError::Missing.status(), 500);
        assert_eq!(ApiVersionError::Unsupported.status(), 501);
    }
}
