-- Accounts that may not send for now, because they look taken over or an
-- administrator says so, since when and why. What they had in the queue is on
-- hold with the same words. Conventions: see 00001.

-- +goose Up
CREATE TABLE sending_hold (account_id BIGINT NOT NULL PRIMARY KEY, since BIGINT NOT NULL, why TEXT NOT NULL) /*clustered*/;
