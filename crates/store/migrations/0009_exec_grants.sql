-- Who allowed what to run without asking, and when. What is allowed stands in a file on each machine, whose
-- shape has no place for it.
CREATE TABLE exec_grants (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    node          TEXT NOT NULL,    -- empty: the Gateway's own machine
    agent         TEXT NOT NULL,    -- empty: nobody said
    subject       TEXT NOT NULL CHECK (subject IN ('command', 'pattern')),
    text          TEXT NOT NULL,
    granted_by    TEXT NOT NULL,
    origin        TEXT NOT NULL,
    granted_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX exec_grants_of_node ON exec_grants (node, seq);
