-- Whether somebody asked for an answer to be shown as a reply, whatever the account does otherwise.
ALTER TABLE outbox ADD COLUMN reply_asked INTEGER NOT NULL DEFAULT 0;
