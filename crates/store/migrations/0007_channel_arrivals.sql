-- What came in from channels: here before the service is told that it was read, and until it is handled.
-- Then only the key stays for a while, so that what is brought twice is known.
CREATE TABLE channel_arrivals (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    channel        TEXT NOT NULL,
    account        TEXT NOT NULL,
    scope          TEXT NOT NULL, -- whose keys these are, such as the id of a bot
    key            TEXT NOT NULL,
    lane           TEXT NOT NULL, -- what shares a lane is handled in order
    body           TEXT NOT NULL, -- as the service sent it
    arrived_at_ms  INTEGER NOT NULL,
    handled_at_ms  INTEGER,
    UNIQUE (channel, account, scope, key)
) STRICT;

CREATE INDEX channel_arrivals_open ON channel_arrivals (channel, account, lane, id)
    WHERE handled_at_ms IS NULL;
CREATE INDEX channel_arrivals_by_end ON channel_arrivals (handled_at_ms)
    WHERE handled_at_ms IS NOT NULL;
