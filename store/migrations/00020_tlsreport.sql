-- How TLS with the servers of other domains went, counted by day and kind, and
-- the reports on it that are sent. The lists of a policy are lines; result is
-- empty for success. Conventions: see 00001.

-- +goose Up
CREATE TABLE tls_session (
  day BIGINT NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL, policy_lines TEXT NOT NULL, policy_hosts TEXT NOT NULL,
  result TEXT NOT NULL, mx TEXT NOT NULL, mx_ip TEXT NOT NULL, our_ip TEXT NOT NULL, reason TEXT NOT NULL, sessions BIGINT NOT NULL,
  PRIMARY KEY (day, domain, policy, policy_lines, policy_hosts, result, mx, mx_ip, our_ip, reason)
) /*clustered*/;

CREATE TABLE tls_report_out (
  day BIGINT NOT NULL, domain TEXT NOT NULL, tries BIGINT NOT NULL, next BIGINT NOT NULL, done BIGINT NOT NULL, outcome TEXT NOT NULL, sent TEXT NOT NULL,
  PRIMARY KEY (day, domain)
) /*clustered*/;
