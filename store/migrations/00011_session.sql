-- The browser of a session, as it names itself.

-- +goose Up
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
