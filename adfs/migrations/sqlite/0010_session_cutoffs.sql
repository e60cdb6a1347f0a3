-- Sessions that were ended all at once: everybody's that began before a moment (Unix milliseconds), or one person's. The
-- subject is a digest; an empty one means everybody. The sequence only grows, as that of signed_out_session.
CREATE TABLE session_cutoff (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    subject BLOB NOT NULL,
    before INTEGER NOT NULL
) STRICT;

CREATE INDEX session_cutoff_before ON session_cutoff (before);
