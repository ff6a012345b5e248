-- Certificates from an authority: what the ACME client keeps (account,
-- certificates, keys, challenges), every value sealed, and where the order of
-- each name stands, as JSON. Its locks are rows of lease.

-- +goose Up
CREATE TABLE cert_kv (
  name TEXT NOT NULL PRIMARY KEY, value_sealed BYTEA NOT NULL, modified BIGINT NOT NULL
);

CREATE TABLE cert_order (
  name TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL
);
