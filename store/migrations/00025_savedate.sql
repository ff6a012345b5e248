-- When a message was put into its mailbox (RFC 8514), which is not when it was
-- received once it has been copied or moved. 0: it was there before this was
-- noted. Conventions: see 00001.

-- +goose Up
ALTER TABLE msg_mailbox ADD COLUMN saved BIGINT NOT NULL DEFAULT 0;
