-- What others report about the hosted domains, and the steps on their policy
-- ladders. Conventions: see 00001. A domain is named, not referred to by id:
-- reports about it may come in before and after it is hosted.

-- +goose Up
CREATE TABLE dmarc_report (
  id BIGINT NOT NULL PRIMARY KEY, domain TEXT NOT NULL, org TEXT NOT NULL, report_id TEXT NOT NULL,
  begins BIGINT NOT NULL, ends BIGINT NOT NULL,
  UNIQUE (domain, org, report_id)
);
CREATE INDEX dmarc_report_begins ON dmarc_report (domain, begins);
CREATE INDEX dmarc_report_ends ON dmarc_report (ends);

-- auth holds the results of DKIM and SPF as JSON: they are read as a whole.
CREATE TABLE dmarc_row (
  report BIGINT NOT NULL, n BIGINT NOT NULL, source TEXT NOT NULL, messages BIGINT NOT NULL, disposition TEXT NOT NULL,
  dkim BIGINT NOT NULL, spf BIGINT NOT NULL, header_from TEXT NOT NULL, envelope_from TEXT NOT NULL, auth TEXT NOT NULL,
  PRIMARY KEY (report, n)
) /*clustered*/;

CREATE TABLE tls_report (
  id BIGINT NOT NULL PRIMARY KEY, org TEXT NOT NULL, report_id TEXT NOT NULL, begins BIGINT NOT NULL, ends BIGINT NOT NULL,
  UNIQUE (org, report_id)
);
CREATE INDEX tls_report_ends ON tls_report (ends);

-- types holds the failures by result type as JSON.
CREATE TABLE tls_row (
  report BIGINT NOT NULL, n BIGINT NOT NULL, domain TEXT NOT NULL, day BIGINT NOT NULL, policy TEXT NOT NULL,
  successes BIGINT NOT NULL, failures BIGINT NOT NULL, types TEXT NOT NULL,
  PRIMARY KEY (report, n)
) /*clustered*/;
CREATE INDEX tls_row_day ON tls_row (domain, day);

CREATE TABLE policy_step (
  domain TEXT NOT NULL, at BIGINT NOT NULL, ladder TEXT NOT NULL, from_rung TEXT NOT NULL, to_rung TEXT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (domain, at, ladder)
) /*clustered*/;

-- Sources of which a domain's owner said that they are not theirs.
CREATE TABLE disowned_source (
  domain TEXT NOT NULL, source TEXT NOT NULL, PRIMARY KEY (domain, source)
) /*clustered*/;
