-- What waits for a node: things operators asked for while it slept, and commands that it cannot run before
-- somebody opens its app. It goes with the device.
CREATE TABLE node_work (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    work_id       TEXT NOT NULL UNIQUE,
    node_id       TEXT NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE,
    kind          TEXT NOT NULL CHECK (kind IN ('request', 'command')),
    name          TEXT NOT NULL,    -- what is asked for, or the command
    key           TEXT NOT NULL,    -- a repeat has the same
    params        TEXT,             -- JSON text of a command, as it is handed on
    urgent        INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    taken_at_ms   INTEGER           -- when the node said that it has it
) STRICT;

CREATE INDEX node_work_of_node ON node_work (node_id, kind, seq);

-- Counts changes of what waits for a node.
ALTER TABLE devices ADD COLUMN work_revision INTEGER NOT NULL DEFAULT 0;
