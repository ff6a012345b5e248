-- A limit on how many messages an account holds, RFC 9208 section 5.2; 0: there
-- is none. Conventions: see 00001.

-- +goose Up
ALTER TABLE account ADD COLUMN quota_messages_max BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN quota_messages_used BIGINT NOT NULL DEFAULT 0;
UPDATE account SET quota_messages_used = (SELECT COUNT(*) FROM message m WHERE m.account_id = account.id);
