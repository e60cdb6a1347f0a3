-- What must survive a restart of the federation server and be the same on all of its nodes.
-- Times are Unix seconds, UTC. Identifiers of 16 octets are GUIDs in network order (RFC 9562).

-- Sessions that were ended before their time; a copy of their cookie must not work any more. The sequence only grows, so
-- that a process that keeps a copy can ask for what is new.
CREATE TABLE signed_out_session (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    expires INTEGER NOT NULL
) STRICT;

CREATE INDEX signed_out_session_expires ON signed_out_session (expires);

-- Certificates with which proxies authenticate. One proxy has several while it renews; they share its id.
CREATE TABLE proxy_certificate (
    sha256 BLOB NOT NULL PRIMARY KEY,
    sha1 BLOB NOT NULL,
    public_key_sha256 BLOB NOT NULL,
    certificate BLOB NOT NULL,
    proxy BLOB NOT NULL,
    name TEXT NOT NULL,
    trusted_since INTEGER NOT NULL,
    trusted_by TEXT,
    not_before INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX proxy_certificate_proxy ON proxy_certificate (proxy);
CREATE INDEX proxy_certificate_public_key ON proxy_certificate (public_key_sha256);

-- The relying party that stands for all proxies: none or one.
CREATE TABLE proxy_relying_party (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    identifier TEXT NOT NULL
) STRICT;

-- URLs at the proxies to which proxy tokens may go, by relying party.
CREATE TABLE proxy_trusted_endpoint (
    relying_party BLOB NOT NULL,
    url TEXT NOT NULL,
    PRIMARY KEY (relying_party, url)
) STRICT, WITHOUT ROWID;

-- URLs inside and the URLs at the proxies that stand for them, by relying party.
CREATE TABLE proxy_endpoint_mapping (
    relying_party BLOB NOT NULL,
    internal_url TEXT NOT NULL,
    external_url TEXT NOT NULL,
    PRIMARY KEY (relying_party, internal_url, external_url)
) STRICT, WITHOUT ROWID;

-- The proxies' shared configuration, opaque to the server. Keys compare without case.
CREATE TABLE proxy_store_entry (
    folded_key TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    value TEXT NOT NULL
) STRICT;

-- Counts the changes of what nodes keep a copy of, so that they notice one cheaply.
CREATE TABLE revision (
    subject TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO revision (subject, value) VALUES ('proxy_certificate', 0);
