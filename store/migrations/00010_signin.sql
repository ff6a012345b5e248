-- Ways to sign in beside the password. Keys are those of SCRAM (RFC 5802),
-- StoredKey and ServerKey, sealed; an account's salt and iteration count serve
-- its password and its app passwords alike. A code of a second factor that was
-- used is not used again: step is the last one's.

-- +goose Up
CREATE TABLE scram (
  account_id BIGINT NOT NULL PRIMARY KEY, salt BYTEA NOT NULL, iterations BIGINT NOT NULL, keys BYTEA NOT NULL
) /*clustered*/;
CREATE TABLE app_password (
  account_id BIGINT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, sha256 BYTEA NOT NULL, keys BYTEA NOT NULL, protocols TEXT NOT NULL,
  created BIGINT NOT NULL, expires BIGINT NOT NULL, used BIGINT NOT NULL, used_from TEXT NOT NULL, used_by TEXT NOT NULL,
  PRIMARY KEY (account_id, id)
) /*clustered*/;
CREATE TABLE totp (
  account_id BIGINT NOT NULL PRIMARY KEY, secret BYTEA NOT NULL, confirmed BIGINT NOT NULL, step BIGINT NOT NULL
) /*clustered*/;
CREATE TABLE recovery_code (
  account_id BIGINT NOT NULL, sha256 BYTEA NOT NULL, PRIMARY KEY (account_id, sha256)
) /*clustered*/;
CREATE TABLE passkey (
  account_id BIGINT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, credential BYTEA NOT NULL,
  created BIGINT NOT NULL, used BIGINT NOT NULL, used_from TEXT NOT NULL,
  PRIMARY KEY (account_id, id)
) /*clustered*/;
