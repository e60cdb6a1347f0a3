-- Assertions of claims providers that were accepted once; they are not accepted again. The digest is of the claims
-- provider's identifier and the assertion's id.
CREATE TABLE consumed_assertion (
    digest BLOB NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX consumed_assertion_expires ON consumed_assertion (expires);
