//! Header fields of the protocol (MS-ADFSPIP 2.2.1), in lower case as HTTP libraries compare them.

/// Name of the proxy; its presence makes a request extranet (MS-ADFSPIP 2.2.1.1).
pub const PROXY: &str = "x-ms-proxy";
/// Addresses of the end client, the nearest last, separated by `, ` (MS-ADFSPIP 2.2.1.2).
pub const FORWARDED_CLIENT_IP: &str = "x-ms-forwarded-client-ip";
/// URL of the request as the end client sent it (MS-ADFSPIP 2.2.1.3).
pub const ENDPOINT_ABSOLUTE_PATH: &str = "x-ms-endpoint-absolute-path";
/// `PrimaryComputer` on a control GET that a read-write node must answer (MS-ADFSPIP 2.2.1.4).
pub const TARGET_ROLE: &str = "x-ms-target-role";
/// TCP peer of the proxy (MS-ADFSPIP 2.2.1.5).
pub const ADFS_PROXY_CLIENT_IP: &str = "x-ms-adfs-proxy-client-ip";
/// Token-binding ids of the end client (MS-ADFSPIP 2.2.1.6). No known proxy sends it.
pub const PROXY_AUTH_TOKEN: &str = "x-ms-proxyauth-token";

/// Media type of JSON bodies and answers.
pub const JSON: &str = "application/json;charset=UTF-8";
