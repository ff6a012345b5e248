-- Senders of forwarded mail whose addresses are too long to be held by the
-- rewritten ones, by the token that stands there; last is when one was used.
-- Conventions: see 00001.

-- +goose Up
CREATE TABLE forwarded_sender (
  token TEXT NOT NULL PRIMARY KEY, sender TEXT NOT NULL, last BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX forwarded_sender_last ON forwarded_sender (last);
