-- When an entry of metadata was last changed, so that those who watch it are
-- told which one it was (RFC 5465 sections 5.6 and 5.7). Conventions: see 00001.

-- +goose Up
ALTER TABLE metadata ADD COLUMN modseq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shared_metadata ADD COLUMN modseq BIGINT NOT NULL DEFAULT 0;
