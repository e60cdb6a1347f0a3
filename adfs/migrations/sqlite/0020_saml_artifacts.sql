-- SAML messages that wait to be fetched by artifact. The digest is of the artifact's handle, so that nobody learns an
-- artifact from here; the message is sealed. The relying party is the ObjectIdentifier of the trust that it is for.
CREATE TABLE saml_artifact (
    digest BLOB NOT NULL PRIMARY KEY,
    relying_party BLOB NOT NULL,
    message TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX saml_artifact_expires ON saml_artifact (expires);
