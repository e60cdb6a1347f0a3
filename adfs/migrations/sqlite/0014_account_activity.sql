-- Wrong passwords from outside, counted for each account, and the addresses that its owner signed in from. The account
-- is a digest of its identifier in the directory, or of the name that was typed when nobody has it. Times are Unix
-- seconds.
CREATE TABLE account_activity (
    account BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    unknown_failures INTEGER NOT NULL,
    unknown_last INTEGER,
    familiar_failures INTEGER NOT NULL,
    familiar_last INTEGER,
    locations TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX account_activity_changed ON account_activity (changed);

-- When the service first ran with this store.
CREATE TABLE installation (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    since INTEGER NOT NULL
) STRICT;
