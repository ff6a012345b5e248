-- Whom greylisting knows: senders by the pool of servers that they come from
-- (an empty sender is the whole pool), and domains that people here wrote to.
-- Conventions: see 00001.

-- +goose Up
CREATE TABLE acquaintance (
  pool TEXT NOT NULL, sender TEXT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, passed BIGINT NOT NULL,
  PRIMARY KEY (pool, sender)
) /*clustered*/;
CREATE INDEX acquaintance_last ON acquaintance (last);
CREATE TABLE written_to (
  domain TEXT NOT NULL PRIMARY KEY, last BIGINT NOT NULL
) /*clustered*/;
