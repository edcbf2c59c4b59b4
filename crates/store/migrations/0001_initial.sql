-- The first schema. Times are milliseconds since 1970, flags are 0 or 1, `TEXT` columns marked JSON
-- hold what serde wrote. A released migration is never edited: the next change is the next file.

-- Numbers that must never be given out twice, even after the rows that used them are gone.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('grant-generation', 0);

-- Paired devices. What one may do stands in `grants`, one row per role.
CREATE TABLE devices (
    device_id        TEXT PRIMARY KEY,
    public_key       TEXT NOT NULL,
    label            TEXT,
    display_name     TEXT,
    platform         TEXT,
    device_family    TEXT,
    client_id        TEXT,
    client_mode      TEXT,
    remote_ip        TEXT,
    created_at_ms    INTEGER NOT NULL,
    approved_at_ms   INTEGER NOT NULL,
    approved_via     TEXT NOT NULL,
    last_seen_at_ms  INTEGER,
    last_seen_reason TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    device_id       TEXT NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE,
    role            TEXT NOT NULL CHECK (role IN ('operator', 'node')),
    scopes          TEXT NOT NULL, -- JSON
    commands        TEXT NOT NULL, -- JSON
    generation      INTEGER NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    rotated_at_ms   INTEGER,
    revoked_at_ms   INTEGER,
    last_used_at_ms INTEGER,
    PRIMARY KEY (device_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE pairing_requests (
    request_id    TEXT PRIMARY KEY,
    device_id     TEXT NOT NULL,
    public_key    TEXT NOT NULL,
    display_name  TEXT,
    platform      TEXT,
    device_family TEXT,
    client_id     TEXT,
    client_mode   TEXT,
    remote_ip     TEXT,
    role          TEXT NOT NULL CHECK (role IN ('operator', 'node')),
    scopes        TEXT NOT NULL, -- JSON
    commands      TEXT NOT NULL, -- JSON
    reason        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX pairing_requests_by_expiry ON pairing_requests (expires_at_ms);

-- Requests that must not run twice.
CREATE TABLE ledger (
    id            INTEGER PRIMARY KEY,
    principal     TEXT NOT NULL,
    method        TEXT NOT NULL,
    key           TEXT NOT NULL,
    params_digest TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('running', 'done', 'withheld', 'interrupted')),
    outcome       TEXT, -- JSON, only when done
    begun_at_ms   INTEGER NOT NULL,
    ended_at_ms   INTEGER,
    UNIQUE (principal, method, key)
) STRICT;

CREATE INDEX ledger_by_age ON ledger (begun_at_ms);

-- One row per transcript there is; the one a session is at is named by `sessions.session_id`, the
-- others are archived.
CREATE TABLE transcripts (
    session_id     TEXT PRIMARY KEY,
    session_key    TEXT NOT NULL,
    agent_id       TEXT NOT NULL,
    last_seq       INTEGER NOT NULL DEFAULT 0,
    created_at_ms  INTEGER NOT NULL,
    archived_at_ms INTEGER,
    archive_reason TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX transcripts_by_session ON transcripts (session_key, created_at_ms);

CREATE TABLE messages (
    id              INTEGER PRIMARY KEY,
    session_id      TEXT NOT NULL REFERENCES transcripts (session_id) ON DELETE CASCADE,
    seq             INTEGER NOT NULL,
    message_id      TEXT NOT NULL UNIQUE,
    role            TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'toolResult', 'system')),
    content         TEXT NOT NULL, -- JSON, an array of blocks
    meta            TEXT NOT NULL, -- JSON, an object
    run_id          TEXT,
    idempotency_key TEXT,
    created_at_ms   INTEGER NOT NULL,
    UNIQUE (session_id, seq)
) STRICT;

CREATE UNIQUE INDEX messages_once ON messages (session_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE TABLE sessions (
    session_key            TEXT PRIMARY KEY,
    agent_id               TEXT NOT NULL,
    session_id             TEXT NOT NULL UNIQUE REFERENCES transcripts (session_id),
    label                  TEXT,
    display_name           TEXT,
    spawned_by             TEXT,
    created_at_ms          INTEGER NOT NULL,
    updated_at_ms          INTEGER NOT NULL,
    last_interaction_at_ms INTEGER,
    settings               TEXT NOT NULL, -- JSON, an object
    extra                  TEXT NOT NULL, -- JSON, an object
    model_provider         TEXT,
    model                  TEXT,
    input_tokens           INTEGER NOT NULL DEFAULT 0,
    output_tokens          INTEGER NOT NULL DEFAULT 0,
    total_tokens           INTEGER NOT NULL DEFAULT 0,
    total_tokens_fresh     INTEGER NOT NULL DEFAULT 0 CHECK (total_tokens_fresh IN (0, 1)),
    cache_read_tokens      INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens     INTEGER NOT NULL DEFAULT 0,
    context_tokens         INTEGER,
    system_sent            INTEGER NOT NULL DEFAULT 0 CHECK (system_sent IN (0, 1)),
    aborted_last_run       INTEGER NOT NULL DEFAULT 0 CHECK (aborted_last_run IN (0, 1)),
    archived               INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    pinned                 INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    unread                 INTEGER NOT NULL DEFAULT 0 CHECK (unread IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_label ON sessions (label) WHERE label IS NOT NULL;
CREATE INDEX sessions_by_update ON sessions (updated_at_ms);

-- Agent runs, which are the inbox as well: an accepted run is a message that will be answered.
CREATE TABLE runs (
    run_id         TEXT PRIMARY KEY,
    session_key    TEXT NOT NULL,
    session_id     TEXT NOT NULL,
    agent_id       TEXT NOT NULL,
    principal      TEXT NOT NULL,
    params_digest  TEXT NOT NULL,
    state          TEXT NOT NULL
        CHECK (state IN ('accepted', 'running', 'done', 'error', 'aborted', 'interrupted')),
    message        TEXT NOT NULL,
    options        TEXT NOT NULL, -- JSON
    outcome        TEXT,          -- JSON, only when ended
    accepted_at_ms INTEGER NOT NULL,
    started_at_ms  INTEGER,
    ended_at_ms    INTEGER
) STRICT;

CREATE INDEX runs_by_session ON runs (session_key, accepted_at_ms);
CREATE INDEX runs_unfinished ON runs (accepted_at_ms) WHERE ended_at_ms IS NULL;
CREATE INDEX runs_by_end ON runs (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
