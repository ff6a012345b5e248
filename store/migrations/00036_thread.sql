-- Threads: which messages belong together (RFC 8474 section 5.3, RFC 8621
-- section 3). A thread is named after its first message. They are found when
-- somebody asks for them, in the order in which messages came, so that taking
-- mail in costs nothing; threaded is the last message that was looked at.
-- Conventions: see 00001.

-- +goose Up
ALTER TABLE account ADD COLUMN threaded BIGINT NOT NULL DEFAULT 0;

CREATE TABLE message_thread (
  account_id BIGINT NOT NULL, message_id BIGINT NOT NULL, thread_id BIGINT NOT NULL,
  PRIMARY KEY (account_id, message_id)
) /*clustered*/;
CREATE INDEX message_thread_thread ON message_thread (account_id, thread_id);

-- What messages of a thread are called and name: a hash of a message identifier
-- with the subject.
CREATE TABLE thread_ref (
  account_id BIGINT NOT NULL, hash BIGINT NOT NULL, thread_id BIGINT NOT NULL,
  PRIMARY KEY (account_id, hash)
) /*clustered*/;
CREATE INDEX thread_ref_thread ON thread_ref (account_id, thread_id);
