-- Tokens that let in once. Only their digests are kept. A used one stays until its time is over, so that
-- what became of it can be asked.
CREATE TABLE invites (
    digest        TEXT PRIMARY KEY,
    invite_id     TEXT NOT NULL UNIQUE,
    role          TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_by       TEXT,
    used_at_ms    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX invites_by_expiry ON invites (expires_at_ms);
