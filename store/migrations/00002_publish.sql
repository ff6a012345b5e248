-- Publishing: connections to DNS providers, and the journal of what was
-- written there.

-- +goose Up
CREATE TABLE dns_connection (
  name TEXT NOT NULL PRIMARY KEY, provider TEXT NOT NULL, credentials_sealed BYTEA NOT NULL,
  created BIGINT NOT NULL, tested BIGINT NOT NULL
);

-- content is the publication in JSON, without its identity and undone.
CREATE TABLE dns_publication (
  domain TEXT NOT NULL, id BIGINT NOT NULL, undone BIGINT NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (domain, id)
);
