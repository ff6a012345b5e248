-- Messages that are not to be delivered before a time (release, 0: at once), and
-- those that are to be delivered by one (deliver_by, 0: they are not; by_return:
-- what is late is returned; by_trace: the sender hears when it is handed on).
-- late: the sender was told that the time has passed.

-- +goose Up
ALTER TABLE qmsg ADD COLUMN release_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE qmsg ADD COLUMN deliver_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE qmsg ADD COLUMN by_return BIGINT NOT NULL DEFAULT 0;
ALTER TABLE qmsg ADD COLUMN by_trace BIGINT NOT NULL DEFAULT 0;
ALTER TABLE qrcpt ADD COLUMN late BIGINT NOT NULL DEFAULT 0;
