-- What became of messages that claim to be from others' domains, counted by all
-- that a DMARC aggregate report says of them, until the report of their day was
-- sent. digest tells results apart: of policy and result, which are JSON.
-- Conventions: see 00001.

-- +goose Up
CREATE TABLE judged (
  day BIGINT NOT NULL, domain TEXT NOT NULL, digest TEXT NOT NULL, policy TEXT NOT NULL, result TEXT NOT NULL, messages BIGINT NOT NULL,
  PRIMARY KEY (day, domain, digest)
) /*clustered*/;
