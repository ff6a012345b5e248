-- A mailbox's entries hold the size and date of their messages, which never
-- change: what programs ask of whole mailboxes is in one place. Conventions:
-- see 00001.

-- +goose Up
ALTER TABLE msg_mailbox ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE msg_mailbox ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
UPDATE msg_mailbox SET
  size = COALESCE((SELECT m.size FROM message m WHERE m.account_id = msg_mailbox.account_id AND m.id = msg_mailbox.message_id), 0),
  received = COALESCE((SELECT m.received FROM message m WHERE m.account_id = msg_mailbox.account_id AND m.id = msg_mailbox.message_id), 0);
