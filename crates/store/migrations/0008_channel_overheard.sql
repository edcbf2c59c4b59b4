-- What was said in groups, not to us, since we said something there last.
CREATE TABLE channel_overheard (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    channel    TEXT NOT NULL,
    account    TEXT NOT NULL,
    chat       TEXT NOT NULL,
    thread     TEXT NOT NULL, -- empty: none
    key        TEXT NOT NULL, -- names the message within its account
    author     TEXT NOT NULL,
    text       TEXT NOT NULL,
    said_at_ms INTEGER NOT NULL,
    UNIQUE (channel, account, key)
) STRICT;

CREATE INDEX channel_overheard_by_place ON channel_overheard (channel, account, chat, thread, id);
CREATE INDEX channel_overheard_by_age ON channel_overheard (said_at_ms);
