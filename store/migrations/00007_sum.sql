-- A checksum over the values of a message's row, which never change: what
-- rots in them would otherwise be served as if it were true. 0: the row is
-- older than the column.

-- +goose Up
ALTER TABLE message ADD COLUMN sum BIGINT NOT NULL DEFAULT 0;
