-- What 00038 and 00039 have converted goes.

-- +goose Up
DROP TABLE msg_mailbox;
DROP TABLE old_change;
