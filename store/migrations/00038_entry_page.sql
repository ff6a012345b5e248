-- A mailbox's entries in pages of some sixty (store/entrypage.go), where each
-- had a row and two indexes: docs/decisions/017. What was is converted by the
-- next migration, in Go. Conventions: see 00001.

-- +goose Up
-- first: no entry of the page has a lower UID; modseq: the highest of its
-- entries; lowest, highest: between which their messages are.
CREATE TABLE entry_page (
  account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, first BIGINT NOT NULL, modseq BIGINT NOT NULL,
  lowest BIGINT NOT NULL, highest BIGINT NOT NULL, entries BYTEA NOT NULL,
  PRIMARY KEY (account_id, mailbox_id, first)
) /*clustered*/;

-- In how many entries a message is beyond the first. Most are in one, and have
-- no row.
CREATE TABLE extra_entry (
  account_id BIGINT NOT NULL, message_id BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (account_id, message_id)
) /*clustered*/;
INSERT INTO extra_entry SELECT account_id, message_id, COUNT(*) - 1 FROM msg_mailbox GROUP BY account_id, message_id HAVING COUNT(*) > 1;

-- What is gone: entries that left a mailbox (op 1; op 3 while messages that
-- were in no other are still to be removed), a mailbox that was deleted (op 2,
-- uid 0). entries: their UIDs from uid on and messages, see store/gone.go.
ALTER TABLE change RENAME TO old_change;
CREATE TABLE change (
  account_id BIGINT NOT NULL, seq BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, uid BIGINT NOT NULL,
  op BIGINT NOT NULL, entries BYTEA NOT NULL,
  PRIMARY KEY (account_id, seq, mailbox_id, uid)
) /*clustered*/;
CREATE INDEX change_unfinished ON change (account_id, seq) WHERE op = 3;
