-- What became of the mail that was sent: counts per hour, account and sending
-- domain (for two days), and per domain and day; the addresses that an
-- account's mail is not sent to, and the alarms that hold (of a domain or an
-- account; the other is empty or 0). Conventions: see 00001. The counts of
-- hours, days and alarms are the same.

-- +goose Up
CREATE TABLE outcome_hour (
  hour BIGINT NOT NULL, domain TEXT NOT NULL, account_id BIGINT NOT NULL,
  sent BIGINT NOT NULL, delivered BIGINT NOT NULL, deferred BIGINT NOT NULL, hard BIGINT NOT NULL, mailbox_full BIGINT NOT NULL,
  blocked BIGINT NOT NULL, policy BIGINT NOT NULL, soft BIGINT NOT NULL, complaints BIGINT NOT NULL, roles BIGINT NOT NULL, said TEXT NOT NULL,
  PRIMARY KEY (hour, domain, account_id)
) /*clustered*/;
CREATE TABLE outcome_day (
  domain TEXT NOT NULL, day BIGINT NOT NULL,
  sent BIGINT NOT NULL, delivered BIGINT NOT NULL, deferred BIGINT NOT NULL, hard BIGINT NOT NULL, mailbox_full BIGINT NOT NULL,
  blocked BIGINT NOT NULL, policy BIGINT NOT NULL, soft BIGINT NOT NULL, complaints BIGINT NOT NULL, roles BIGINT NOT NULL, said TEXT NOT NULL,
  PRIMARY KEY (domain, day)
) /*clustered*/;
CREATE TABLE bounce_alarm (
  domain TEXT NOT NULL, account_id BIGINT NOT NULL, since BIGINT NOT NULL,
  sent BIGINT NOT NULL, delivered BIGINT NOT NULL, deferred BIGINT NOT NULL, hard BIGINT NOT NULL, mailbox_full BIGINT NOT NULL,
  blocked BIGINT NOT NULL, policy BIGINT NOT NULL, soft BIGINT NOT NULL, complaints BIGINT NOT NULL, roles BIGINT NOT NULL, said TEXT NOT NULL,
  PRIMARY KEY (domain, account_id)
) /*clustered*/;
-- why: bounced, complained. returned: told by mail, not in the session.
CREATE TABLE suppression (
  account_id BIGINT NOT NULL, address TEXT NOT NULL, why TEXT NOT NULL, step BIGINT NOT NULL, told BIGINT NOT NULL,
  first BIGINT NOT NULL, last BIGINT NOT NULL, until BIGINT NOT NULL, status TEXT NOT NULL, diagnostic TEXT NOT NULL, returned BIGINT NOT NULL,
  PRIMARY KEY (account_id, address, why)
) /*clustered*/;
