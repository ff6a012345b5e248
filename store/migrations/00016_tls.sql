-- MTA-STS policies of the domains to which mail goes, as they were fetched.
-- qmsg.tls: how the message insists on TLS (0: as the recipient's domain has it,
-- 1: REQUIRETLS, 2: TLS-Required: No). qrcpt.last_tls: what the last attempt
-- spoke with.

-- +goose Up
CREATE TABLE sts_policy (
  domain TEXT NOT NULL PRIMARY KEY, policy_id TEXT NOT NULL, policy TEXT NOT NULL, fetched BIGINT NOT NULL, expires BIGINT NOT NULL
);
CREATE INDEX sts_policy_expires ON sts_policy (expires);
ALTER TABLE qmsg ADD COLUMN tls BIGINT NOT NULL DEFAULT 0;
ALTER TABLE qrcpt ADD COLUMN last_tls TEXT NOT NULL DEFAULT '';
