-- Mailing lists: what they are (settings is JSON), their members, and which
-- posts went to them of late. Numbers of members are never used again: those
-- that are given out are below next_member. folded is the address in lower case.
-- Conventions: see 00001.

-- +goose Up
CREATE TABLE list (
  id BIGINT NOT NULL PRIMARY KEY, domain_id BIGINT NOT NULL, local TEXT NOT NULL, settings TEXT NOT NULL,
  next_member BIGINT NOT NULL, created BIGINT NOT NULL, UNIQUE (domain_id, local)
);
CREATE TABLE list_member (
  list_id BIGINT NOT NULL, n BIGINT NOT NULL, folded TEXT NOT NULL, address TEXT NOT NULL, status TEXT NOT NULL, since BIGINT NOT NULL,
  bounces BIGINT NOT NULL, last_bounce BIGINT NOT NULL, diagnostic TEXT NOT NULL,
  PRIMARY KEY (list_id, n), UNIQUE (list_id, folded)
) /*clustered*/;
CREATE TABLE list_post (
  list_id BIGINT NOT NULL, digest TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (list_id, digest)
) /*clustered*/;
