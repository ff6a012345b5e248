-- What accounts may send, and what they have sent of late in spans of ten
-- minutes. A limit of -1 is the server's, 0 is none. told is when the
-- administrators were last told that the account has reached a limit.

-- +goose Up
CREATE TABLE sending_limit (
  account_id BIGINT NOT NULL PRIMARY KEY, messages_hour BIGINT NOT NULL, messages_day BIGINT NOT NULL,
  recipients_hour BIGINT NOT NULL, recipients_day BIGINT NOT NULL, told BIGINT NOT NULL
) /*clustered*/;
CREATE TABLE sent (
  account_id BIGINT NOT NULL, span BIGINT NOT NULL, messages BIGINT NOT NULL, recipients BIGINT NOT NULL,
  PRIMARY KEY (account_id, span)
) /*clustered*/;
