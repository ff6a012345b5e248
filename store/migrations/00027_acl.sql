-- Shared mailboxes, RFC 4314. Conventions: see 00001.

-- +goose Up
-- Rights on a mailbox of account_id: for the account grantee_id, or 0 for
-- anyone; negative ones are taken from what the others give. rights are the
-- RFC's letters.
CREATE TABLE acl (
  account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, grantee_id BIGINT NOT NULL, negative BIGINT NOT NULL, rights TEXT NOT NULL,
  PRIMARY KEY (account_id, mailbox_id, grantee_id, negative)
) /*clustered*/;
CREATE INDEX acl_grantee ON acl (grantee_id, account_id);

-- Mailboxes of others that an account subscribes to.
CREATE TABLE shared_subscription (
  account_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL,
  PRIMARY KEY (account_id, owner_id, mailbox_id)
) /*clustered*/;
CREATE INDEX shared_subscription_owner ON shared_subscription (owner_id, mailbox_id);

-- Private metadata that an account keeps on mailboxes of others.
CREATE TABLE shared_metadata (
  account_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, entry TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (account_id, owner_id, mailbox_id, entry)
) /*clustered*/;
CREATE INDEX shared_metadata_owner ON shared_metadata (owner_id, mailbox_id);
