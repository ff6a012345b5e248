-- What was seen of the DNS: the last look at each domain, and how the state
-- of its records changed. report and known are JSON; head is the report
-- without its lists, for lists of domains and the schedule.

-- +goose Up
CREATE TABLE dns_look (
  domain_id BIGINT NOT NULL PRIMARY KEY, checked BIGINT NOT NULL, changed BIGINT NOT NULL, next BIGINT NOT NULL,
  head TEXT NOT NULL, report TEXT NOT NULL, known TEXT NOT NULL
);

CREATE TABLE dns_history (
  domain_id BIGINT NOT NULL, at BIGINT NOT NULL, n BIGINT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, entry TEXT NOT NULL,
  PRIMARY KEY (domain_id, at, n)
) /*clustered*/;
CREATE INDEX dns_history_at ON dns_history (at);

-- Which domains an account manages, beside its own mail.
CREATE TABLE domain_admin (
  account_id BIGINT NOT NULL, domain_id BIGINT NOT NULL, PRIMARY KEY (account_id, domain_id)
) /*clustered*/;
CREATE INDEX domain_admin_domain ON domain_admin (domain_id);
