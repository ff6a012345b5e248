-- The schema of mail: domains, accounts, mailboxes, messages, bodies, queue.
--
-- One text for every engine: BIGINT, TEXT and BYTEA only; times are
-- microseconds since 1970 (UTC), booleans 0 or 1, identities come from the
-- application; no sequences, no foreign keys. Tables of an account are keyed
-- by account_id first. "clustered" marks tables that SQLite keeps as one
-- B-tree (WITHOUT ROWID).

-- +goose Up
CREATE TABLE setting (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) /*clustered*/;

CREATE TABLE lease (
  name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, token BIGINT NOT NULL, expires BIGINT NOT NULL
) /*clustered*/;

CREATE TABLE domain (
  id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, disabled BIGINT NOT NULL,
  settings TEXT NOT NULL, created BIGINT NOT NULL
);

-- An account's main address (is_alias = 0) or an alias of it.
CREATE TABLE address (
  domain_id BIGINT NOT NULL, local TEXT NOT NULL, account_id BIGINT NOT NULL, is_alias BIGINT NOT NULL,
  PRIMARY KEY (domain_id, local)
) /*clustered*/;
CREATE INDEX address_account ON address (account_id);

CREATE TABLE dkim_key (
  domain_id BIGINT NOT NULL, selector TEXT NOT NULL, alg TEXT NOT NULL, priv_sealed BYTEA NOT NULL, pub BYTEA NOT NULL,
  state TEXT NOT NULL, created BIGINT NOT NULL, since BIGINT NOT NULL,
  PRIMARY KEY (domain_id, selector)
);

-- seq is the account's one counter: message ids, MODSEQ, JMAP state and
-- change-log keys are values of it. Account 0 owns the bodies of queued mail
-- that no account of ours sent.
CREATE TABLE account (
  id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, disabled BIGINT NOT NULL, pw TEXT NOT NULL,
  seq BIGINT NOT NULL, epoch BIGINT NOT NULL, uidvalidity_floor BIGINT NOT NULL, log_floor BIGINT NOT NULL,
  quota_used BIGINT NOT NULL, quota_max BIGINT NOT NULL, created BIGINT NOT NULL
) /*clustered*/;
INSERT INTO account VALUES (0, '', 'nobody', 1, '', 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE mailbox (
  account_id BIGINT NOT NULL, id BIGINT NOT NULL, parent BIGINT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
  uidvalidity BIGINT NOT NULL, uidnext BIGINT NOT NULL, modseq BIGINT NOT NULL, total BIGINT NOT NULL,
  unseen BIGINT NOT NULL, deleted BIGINT NOT NULL, bytes BIGINT NOT NULL, crc BIGINT NOT NULL, subscribed BIGINT NOT NULL,
  PRIMARY KEY (account_id, id), UNIQUE (account_id, parent, name)
) /*clustered*/;

CREATE TABLE message (
  account_id BIGINT NOT NULL, id BIGINT NOT NULL, blob_id BIGINT NOT NULL, prefix BYTEA NOT NULL, size BIGINT NOT NULL,
  received BIGINT NOT NULL, env BYTEA NOT NULL,
  PRIMARY KEY (account_id, id)
);

CREATE TABLE msg_mailbox (
  account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, uid BIGINT NOT NULL, message_id BIGINT NOT NULL,
  flags BIGINT NOT NULL, keywords TEXT NOT NULL, modseq BIGINT NOT NULL,
  PRIMARY KEY (account_id, mailbox_id, uid)
) /*clustered*/;
CREATE INDEX msg_mailbox_modseq ON msg_mailbox (account_id, mailbox_id, modseq);
CREATE INDEX msg_mailbox_message ON msg_mailbox (account_id, message_id);

-- What is gone: an entry that left a mailbox (op 1), a mailbox that was
-- deleted (op 2, uid 0). What is new or changed is found by modseq.
CREATE TABLE change (
  account_id BIGINT NOT NULL, seq BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, uid BIGINT NOT NULL,
  op BIGINT NOT NULL, message_id BIGINT NOT NULL,
  PRIMARY KEY (account_id, seq, mailbox_id, uid)
) /*clustered*/;

-- Bodies: a frame is stored once per SMTP transaction, a blob is an account's
-- own handle on it. loc_kind: 1 pack, 2 object.
CREATE TABLE frame (
  id BIGINT NOT NULL PRIMARY KEY, loc_kind BIGINT NOT NULL, pack_id BIGINT NOT NULL, off BIGINT NOT NULL,
  clen BIGINT NOT NULL, rlen BIGINT NOT NULL, codec BIGINT NOT NULL, sha256 BYTEA NOT NULL, refs BIGINT NOT NULL
) /*clustered*/;
CREATE TABLE blob (
  account_id BIGINT NOT NULL, id BIGINT NOT NULL, frame_id BIGINT NOT NULL, refs BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) /*clustered*/;
CREATE TABLE blob_gc (
  account_id BIGINT NOT NULL, blob_id BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (account_id, blob_id)
) /*clustered*/;
CREATE TABLE pack (id BIGINT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL, live BIGINT NOT NULL) /*clustered*/;

CREATE TABLE qmsg (
  slot BIGINT NOT NULL, id BIGINT NOT NULL, account_id BIGINT NOT NULL, blob_id BIGINT NOT NULL, prefix BYTEA NOT NULL,
  sender TEXT NOT NULL, smtputf8 BIGINT NOT NULL, eightbit BIGINT NOT NULL, ret TEXT NOT NULL, envid TEXT NOT NULL,
  received BIGINT NOT NULL, expires BIGINT NOT NULL, size BIGINT NOT NULL,
  PRIMARY KEY (slot, id)
) /*clustered*/;
CREATE TABLE qrcpt (
  slot BIGINT NOT NULL, msg_id BIGINT NOT NULL, n BIGINT NOT NULL, rcpt TEXT NOT NULL, site TEXT NOT NULL,
  notify BIGINT NOT NULL, orcpt TEXT NOT NULL, due BIGINT NOT NULL, attempts BIGINT NOT NULL, status BIGINT NOT NULL,
  delayed BIGINT NOT NULL, last_error TEXT NOT NULL,
  PRIMARY KEY (slot, msg_id, n)
) /*clustered*/;

CREATE TABLE session (
  token_sha256 BYTEA NOT NULL PRIMARY KEY, account_id BIGINT NOT NULL, audience TEXT NOT NULL, created BIGINT NOT NULL,
  expires BIGINT NOT NULL, remote TEXT NOT NULL
);
CREATE INDEX session_account ON session (account_id);
