-- Aliases that lead outside: a row per target. One that leads to an account too
-- has its row in address besides.
-- Conventions: see 00001.

-- +goose Up
CREATE TABLE forward (
  domain_id BIGINT NOT NULL, local TEXT NOT NULL, target TEXT NOT NULL,
  PRIMARY KEY (domain_id, local, target)
) /*clustered*/;
