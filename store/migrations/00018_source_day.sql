-- Who sent mail as a domain on a day, as DMARC reports tell: their rows added up
-- by source, so that a year of them is read at once. addresses and selectors
-- are JSON. Conventions: see 00001. TLS failures are counted by our host too.

-- +goose Up
CREATE TABLE source_day (
  domain TEXT NOT NULL, day BIGINT NOT NULL, source TEXT NOT NULL, service TEXT NOT NULL,
  messages BIGINT NOT NULL, spf BIGINT NOT NULL, dkim BIGINT NOT NULL, aligned BIGINT NOT NULL, unlisted BIGINT NOT NULL, bare BIGINT NOT NULL,
  quarantined BIGINT NOT NULL, rejected BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL,
  addresses TEXT NOT NULL, selectors TEXT NOT NULL,
  PRIMARY KEY (domain, day, source)
) /*clustered*/;
ALTER TABLE dmarc_report ADD COLUMN messages BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tls_row ADD COLUMN hosts TEXT NOT NULL DEFAULT '{}';
