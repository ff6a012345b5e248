-- What was lost and nobody has been told of yet: an alert that could not be
-- sent, or a crash before it, must not be the end of it.

-- +goose Up
ALTER TABLE dns_look ADD COLUMN untold TEXT NOT NULL DEFAULT '[]';
