-- Which relying party is known to know which token-signing certificate, and how that is known.
CREATE TABLE certificate_sighting (
    relying_party TEXT NOT NULL,
    thumbprint TEXT NOT NULL,
    seen INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    PRIMARY KEY (relying_party, thumbprint)
) STRICT, WITHOUT ROWID;
