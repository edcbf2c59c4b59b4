-- Who came, who was refused, what was changed about rights: the newest rows only.
CREATE TABLE trail (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms    INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    count    INTEGER NOT NULL DEFAULT 1,
    kind     TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    who      TEXT NOT NULL,
    origin   TEXT NOT NULL,
    detail   TEXT NOT NULL
) STRICT;

CREATE INDEX trail_by_time ON trail (last_ms);

-- Failed attempts of an address with one kind of credential, so that a restart forgives nothing.
CREATE TABLE attempts (
    kind            TEXT NOT NULL,
    address         TEXT NOT NULL,
    first_ms        INTEGER NOT NULL,
    failures        INTEGER NOT NULL,
    locked_until_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, address)
) STRICT, WITHOUT ROWID;
