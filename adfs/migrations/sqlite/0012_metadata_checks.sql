-- What came of looking at the metadata of partners: one row a trust.
CREATE TABLE metadata_check (
    partner TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    checked INTEGER NOT NULL,
    succeeded INTEGER,
    updated INTEGER,
    error TEXT,
    pending TEXT NOT NULL,
    failures INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
