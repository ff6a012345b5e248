-- Metadata of mailboxes and of accounts as a whole (mailbox 0), RFC 5464: what
-- mail programs keep at the server. Conventions: see 00001.

-- +goose Up
CREATE TABLE metadata (
  account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, entry TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (account_id, mailbox_id, entry)
) /*clustered*/;
