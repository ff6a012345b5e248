-- Which servers offered TLS when mail was sent to them, so that one that does
-- so no more is noticed after a restart too. Conventions: see 00001.

-- +goose Up
CREATE TABLE tls_offer (host TEXT NOT NULL PRIMARY KEY, last BIGINT NOT NULL) /*clustered*/;
CREATE INDEX tls_offer_last ON tls_offer (last);
