-- A message names its frame itself; a blob is the handle of what is no message
-- (queued mail, uploads). What a message or blob that is gone held of a frame
-- waits in blob_gc. So frame.refs, which counted blobs, counts messages, blobs
-- and what waits: the same number, because no blob had holders of two kinds.
--
-- The checksum of a message's row is not made again: see sum.go. A message
-- without a blob gets frame 0, which does not exist, and check names it.

-- +goose Up
ALTER TABLE blob_gc RENAME TO old_gc;
CREATE TABLE blob_gc (
  account_id BIGINT NOT NULL, id BIGINT NOT NULL, frame_id BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (account_id, id)
) /*clustered*/;
INSERT INTO blob_gc (account_id, id, frame_id, at)
  SELECT g.account_id, g.blob_id, b.frame_id, g.at FROM old_gc g JOIN blob b ON b.account_id = g.account_id AND b.id = g.blob_id WHERE b.refs = 0;
DROP TABLE old_gc;

ALTER TABLE message RENAME COLUMN blob_id TO frame_id;
UPDATE message SET frame_id = COALESCE((SELECT b.frame_id FROM blob b WHERE b.account_id = message.account_id AND b.id = message.frame_id), 0);

ALTER TABLE blob RENAME TO old_blob;
CREATE TABLE blob (
  account_id BIGINT NOT NULL, id BIGINT NOT NULL, frame_id BIGINT NOT NULL, refs BIGINT NOT NULL, PRIMARY KEY (account_id, id)
) /*clustered*/;
INSERT INTO blob (account_id, id, frame_id, refs)
  SELECT b.account_id, b.id, b.frame_id, b.refs FROM (SELECT DISTINCT account_id, blob_id FROM qmsg) q
  JOIN old_blob b ON b.account_id = q.account_id AND b.id = q.blob_id;
DROP TABLE old_blob;
