-- Files that are sent: whole, so that nothing is lost when the one they were read from changes or goes.
-- They stay until they were sent, or the delivery is forgotten.
CREATE TABLE outbox_files (
    delivery INTEGER NOT NULL,
    ordinal  INTEGER NOT NULL, -- from 0
    name     TEXT NOT NULL,
    mime     TEXT NOT NULL,
    shown_as TEXT NOT NULL CHECK (shown_as IN ('itself', 'document', 'voice')),
    bytes    BLOB NOT NULL,
    PRIMARY KEY (delivery, ordinal)
) STRICT;

ALTER TABLE outbox ADD COLUMN files INTEGER NOT NULL DEFAULT 0;
