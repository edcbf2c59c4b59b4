-- How far each account of a channel has read, as the channel itself counts.
CREATE TABLE channel_offsets (
    channel       TEXT NOT NULL,
    account       TEXT NOT NULL,
    scope         TEXT NOT NULL, -- whose numbers these are, such as the id of a bot
    position      INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, account)
) STRICT, WITHOUT ROWID;

-- People who were let in, and those who ask.
CREATE TABLE channel_senders (
    channel        TEXT NOT NULL,
    account        TEXT NOT NULL,
    sender         TEXT NOT NULL,
    name           TEXT,
    chat           TEXT NOT NULL,
    approved_at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, account, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE channel_requests (
    channel         TEXT NOT NULL,
    account         TEXT NOT NULL,
    sender          TEXT NOT NULL,
    code            TEXT NOT NULL,
    name            TEXT,
    chat            TEXT NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    last_seen_at_ms INTEGER NOT NULL,
    expires_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (channel, account, sender),
    UNIQUE (channel, code)
) STRICT, WITHOUT ROWID;

-- What is to be sent to people: here before it is sent, in order per chat.
CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    key           TEXT NOT NULL UNIQUE,
    run_id        TEXT,
    channel       TEXT NOT NULL,
    account       TEXT NOT NULL,
    chat          TEXT NOT NULL,
    thread        TEXT,
    reply_to      TEXT,
    text          TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'failed')),
    parts_sent    INTEGER NOT NULL DEFAULT 0,
    message_ids   TEXT NOT NULL DEFAULT '[]', -- JSON
    attempts      INTEGER NOT NULL DEFAULT 0,
    uncertain     INTEGER NOT NULL DEFAULT 0,
    error         TEXT,
    created_at_ms INTEGER NOT NULL,
    next_at_ms    INTEGER NOT NULL,
    ended_at_ms   INTEGER
) STRICT;

CREATE INDEX outbox_open ON outbox (channel, account, chat, id) WHERE ended_at_ms IS NULL;
CREATE INDEX outbox_by_end ON outbox (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- The message in which an answer grows, so that its end goes into the same one after a restart.
CREATE TABLE drafts (
    run_id        TEXT PRIMARY KEY,
    message_id    TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
