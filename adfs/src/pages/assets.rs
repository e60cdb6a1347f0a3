//! The files that pages link to: style sheet, script, icon. They are part of the binary, and their addresses carry the
//! SHA-256 of their content, so that browsers may keep them for ever (spec passive-sign-in 1.2).

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha256;

/// The one inline script of the product; the auto-post page allows it by hash.
pub(super) const AUTO_POST_SCRIPT: &str = "document.forms[0].submit();";

/// A file served below `/adfs/portal/`.
#[derive(Debug)]
pub struct Asset {
    /// Path as the route table has it, in lower case.
    pub path: &'static str,
    /// Exact media type.
    pub content_type: &'static str,
    /// The bytes.
    pub content: &'static [u8],
}

/// Everything below `/adfs/portal/`.
pub const ASSETS: [Asset; 3] = [STYLE, SCRIPT, ICON];

const STYLE: Asset = Asset {
    path: "/adfs/portal/css/style.css",
    content_type: "text/css; charset=utf-8",
    content: include_bytes!("../../../templates/portal/style.css"),
};
const SCRIPT: Asset = Asset {
    path: "/adfs/portal/script/sign-in.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_bytes!("../../../templates/portal/script.js"),
};
const ICON: Asset = Asset {
    path: "/adfs/portal/images/favicon.svg",
    content_type: "image/svg+xml",
    content: include_bytes!("../../../templates/portal/favicon.svg"),
};

/// Addresses of the linked files, as pages print them.
#[derive(Debug)]
pub struct AssetLinks {
    /// The style sheet.
    pub style: String,
    /// The script.
    pub script: String,
    /// The icon.
    pub icon: String,
}

static LINKS: LazyLock<AssetLinks> = LazyLock::new(|| AssetLinks {
    style: link(&STYLE),
    script: link(&SCRIPT),
    icon: link(&ICON),
});

static AUTO_POST_HASH: LazyLock<String> = LazyLock::new(|| {
    format!(
        "'sha256-{}'",
        STANDARD.encode(sha256(AUTO_POST_SCRIPT.as_bytes()))
    )
});

/// The addresses of this build's files.
pub fn links() -> &'static AssetLinks {
    &LINKS
}

/// The CSP source expression that allows the auto-post script.
pub fn auto_post_hash() -> &'static str {
    &AUTO_POST_HASH
}

/// SHA-256 of a file, upper-case hexadecimal.
pub fn asset_hash(asset: &Asset) -> String {
    sha256(asset.content)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

fn link(asset: &Asset) -> String {
    format!("{}?id={}", asset.path, asset_hash(asset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_carry_the_hash_of_the_file() {
        let (path, hash) = links().style.split_once("?id=").unwrap_or_default();
        assert_eq!(path, STYLE.path);
        assert_eq!(hash.len(), 64);
        assert!(
            hash.bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
        );
        assert_ne!(
            links().style.split_once("?id=").map(|parts| parts.1),
            links().script.split_once("?id=").map(|parts| parts.1)
        );
    }

    #[test]
    fn paths_are_lower_case_because_the_router_compares_lower_case() {
        for asset in &ASSETS {
            assert_eq!(asset.path, asset.path.to_ascii_lowercase());
        }
    }
}
