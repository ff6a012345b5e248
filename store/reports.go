package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"gomail/ladder"
	"gomail/reports"
)

// authResults is what dmarc_row.auth holds.
type authResults struct {
	DKIM []reports.Signature `json:"dkim,omitempty"`
	SPF  []reports.SPFCheck  `json:"spf,omitempty"`
}

// maxDecoded bounds how many results are kept while rows are read.
const maxDecoded = 10_000

// AddDMARCReport adds a report with its rows and its sources' day, unless it
// is there.
func (s *Store) AddDMARCReport(ctx context.Context, r reports.DMARCReport, days []reports.SourceDay) (added bool, err error) {
	messages := 0
	auths := make([]string, len(r.Rows))
	for i, row := range r.Rows {
		text, err := json.Marshal(authResults{row.Signatures, row.SPFChecks})
		if err != nil {
			return false, fmt.Errorf("write the results: %w", err)
		}
		auths[i] = string(text)
		messages += row.Count
	}
	id := s.bodies.NextID()
	err = s.update(ctx, func(t *tx) error {
		known, err := t.int64("SELECT COUNT(*) FROM dmarc_report WHERE domain = ? AND org = ? AND report_id = ?", r.Domain, r.Org, r.ID)
		if err != nil || known > 0 {
			return err
		}
		if _, err := t.write("INSERT INTO dmarc_report (id, domain, org, report_id, begins, ends, messages) VALUES (?, ?, ?, ?, ?, ?, ?)",
			id, r.Domain, r.Org, r.ID, toMicro(r.Begin), toMicro(r.End), messages); err != nil {
			return err
		}
		for i, row := range r.Rows {
			if _, err := t.write("INSERT INTO dmarc_row (report, n, source, messages, disposition, dkim, spf, header_from, envelope_from, auth) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				id, i, row.Source.String(), row.Count, row.Disposition, row.DKIM, row.SPF, row.HeaderFrom, row.EnvelopeFrom, auths[i]); err != nil {
				return err
			}
		}
		added = true
		return t.addSourceDays(r.Domain, days)
	})
	return added && err == nil, err
}

// AddTLSReport adds a report with its rows, unless it is there.
func (s *Store) AddTLSReport(ctx context.Context, r reports.TLSReport) (added bool, err error) {
	types, hosts := make([]string, len(r.Rows)), make([]string, len(r.Rows))
	for i, row := range r.Rows {
		if types[i], err = jsonText(row.Types); err != nil {
			return false, err
		}
		if hosts[i], err = jsonText(row.Hosts); err != nil {
			return false, err
		}
	}
	id := s.bodies.NextID()
	err = s.update(ctx, func(t *tx) error {
		known, err := t.int64("SELECT COUNT(*) FROM tls_report WHERE org = ? AND report_id = ?", r.Org, r.ID)
		if err != nil || known > 0 {
			return err
		}
		if _, err := t.write("INSERT INTO tls_report (id, org, report_id, begins, ends) VALUES (?, ?, ?, ?, ?)",
			id, r.Org, r.ID, toMicro(r.Begin), toMicro(r.End)); err != nil {
			return err
		}
		for i, row := range r.Rows {
			if _, err := t.write("INSERT INTO tls_row (report, n, domain, day, policy, successes, failures, types, hosts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				id, i, row.Domain, toMicro(row.Day), row.PolicyType, row.Successes, row.Failures, types[i], hosts[i]); err != nil {
				return err
			}
		}
		added = true
		return nil
	})
	return added && err == nil, err
}

// CountDMARCReports returns how many reports of an organisation end on a
// domain's day or the one after.
func (s *Store) CountDMARCReports(ctx context.Context, domain, org string, day time.Time) (int, error) {
	return s.count(ctx, "SELECT COUNT(*) FROM dmarc_report WHERE domain = ? AND org = ? AND begins > ? AND begins <= ? AND ends >= ?",
		domain, org, toMicro(day.AddDate(0, 0, -1)), toMicro(day.AddDate(0, 0, 1)), toMicro(day))
}

// CountDMARCRows returns how many rows the reports about a domain's day have.
func (s *Store) CountDMARCRows(ctx context.Context, domain string, day time.Time) (int, error) {
	return s.count(ctx, "SELECT COUNT(*) FROM dmarc_report r JOIN dmarc_row w ON w.report = r.id WHERE r.domain = ? AND r.begins > ? AND r.begins <= ? AND r.ends >= ?",
		domain, toMicro(day.AddDate(0, 0, -1)), toMicro(day.AddDate(0, 0, 1)), toMicro(day))
}

// CountTLSReports returns how many reports of an organisation tell of a
// domain's day.
func (s *Store) CountTLSReports(ctx context.Context, domain, org string, day time.Time) (int, error) {
	return s.count(ctx, "SELECT COUNT(DISTINCT r.id) FROM tls_report r JOIN tls_row w ON w.report = r.id WHERE w.domain = ? AND w.day = ? AND r.org = ?", domain, toMicro(day), org)
}

func (s *Store) count(ctx context.Context, text string, args ...any) (n int, err error) {
	err = s.read(ctx, func(c *conn) error {
		found, err := c.int64(text, args...)
		n = int(found)
		return err
	})
	return n, err
}

// EachDMARCRow visits the rows about a domain of the reports that begin at
// since or later.
func (s *Store) EachDMARCRow(ctx context.Context, domain string, since time.Time, visit func(reports.DMARCReport, reports.DMARCRow) error) error {
	decoded := map[string]authResults{} // most rows have the results of many others
	return s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			r := reports.DMARCReport{Domain: domain}
			var row reports.DMARCRow
			var begins, ends int64
			var source, auth string
			err := rows.Scan(&r.Org, &r.ID, &begins, &ends, &source, &row.Count, &row.Disposition, &row.DKIM, &row.SPF, &row.HeaderFrom, &row.EnvelopeFrom, &auth)
			if err != nil {
				return err
			}
			results, ok := decoded[auth]
			if !ok {
				if err := json.Unmarshal([]byte(auth), &results); err != nil {
					return fmt.Errorf("read the results: %w", err)
				}
				if len(decoded) < maxDecoded {
					decoded[auth] = results
				}
			}
			r.Begin, r.End = fromMicro(begins), fromMicro(ends)
			row.Signatures, row.SPFChecks = results.DKIM, results.SPF
			if row.Source, err = netip.ParseAddr(source); err != nil {
				return fmt.Errorf("read the source: %w", err)
			}
			return visit(r, row)
		}, "SELECT r.org, r.report_id, r.begins, r.ends, w.source, w.messages, w.disposition, w.dkim, w.spf, w.header_from, w.envelope_from, w.auth FROM dmarc_report r JOIN dmarc_row w ON w.report = r.id WHERE r.domain = ? AND r.begins >= ? ORDER BY r.begins, r.id, w.n",
			domain, toMicro(since))
	})
}

// TLSRows returns the rows about a domain from a day on.
func (s *Store) TLSRows(ctx context.Context, domain string, since time.Time) (all []reports.TLSRow, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			row := reports.TLSRow{Domain: domain}
			var day int64
			var types, hosts string
			if err := rows.Scan(&day, &row.PolicyType, &row.Successes, &row.Failures, &types, &hosts); err != nil {
				return err
			}
			row.Day = fromMicro(day)
			all = append(all, row)
			last := &all[len(all)-1]
			return errors.Join(json.Unmarshal([]byte(types), &last.Types), json.Unmarshal([]byte(hosts), &last.Hosts))
		}, "SELECT day, policy, successes, failures, types, hosts FROM tls_row WHERE domain = ? AND day >= ? ORDER BY day, report, n", domain, toMicro(since))
	})
	return all, err
}

// RemoveReports removes the reports that end before a moment.
func (s *Store) RemoveReports(ctx context.Context, before time.Time) (removed int, err error) {
	err = s.update(ctx, func(t *tx) error {
		removed = 0
		for _, kind := range []string{"dmarc", "tls"} {
			if _, err := t.write("DELETE FROM "+kind+"_row WHERE report IN (SELECT id FROM "+kind+"_report WHERE ends < ?)", toMicro(before)); err != nil {
				return err
			}
			n, err := t.write("DELETE FROM "+kind+"_report WHERE ends < ?", toMicro(before))
			if err != nil {
				return err
			}
			removed += int(n)
		}
		_, err := t.write("DELETE FROM source_day WHERE day < ?", toMicro(before.Add(-24*time.Hour)))
		return err
	})
	return removed, err
}

// AddPolicyStep adds a step to a domain's history.
func (s *Store) AddPolicyStep(ctx context.Context, domain string, step ladder.Step) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO policy_step (domain, at, ladder, from_rung, to_rung, actor) VALUES (?, ?, ?, ?, ?, ?)",
			domain, toMicro(step.At), step.Ladder, step.From, step.To, step.Actor)
		return err
	})
}

// PolicySteps returns a domain's history, oldest first.
func (s *Store) PolicySteps(ctx context.Context, domain string) (all []ladder.Step, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var step ladder.Step
			var at int64
			err := rows.Scan(&at, &step.Ladder, &step.From, &step.To, &step.Actor)
			step.At = fromMicro(at)
			all = append(all, step)
			return err
		}, "SELECT at, ladder, from_rung, to_rung, actor FROM policy_step WHERE domain = ? ORDER BY at, ladder", domain)
	})
	return all, err
}

// SetDisowned marks a source as not the owner's, or takes the mark away.
func (s *Store) SetDisowned(ctx context.Context, domain, source string, disowned bool) error {
	text := "DELETE FROM disowned_source WHERE domain = ? AND source = ?"
	if disowned {
		text = "INSERT INTO disowned_source (domain, source) VALUES (?, ?) ON CONFLICT (domain, source) DO NOTHING"
	}
	return s.update(ctx, func(t *tx) error {
		_, err := t.write(text, domain, source)
		return err
	})
}

// DisownedSources returns the sources that are marked.
func (s *Store) DisownedSources(ctx context.Context, domain string) (all []string, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var source string
			err := rows.Scan(&source)
			all = append(all, source)
			return err
		}, "SELECT source FROM disowned_source WHERE domain = ? ORDER BY source", domain)
	})
	return all, err
}

// ForgetPolicies removes what is kept about a domain. Its TLS reports stay
// where they tell of other domains too.
func (s *Store) ForgetPolicies(ctx context.Context, domain string) error {
	return s.update(ctx, func(t *tx) error { return t.forgetPolicies(domain) })
}

func (t *tx) forgetPolicies(domain string) error {
	for _, text := range []string{
		"DELETE FROM dmarc_row WHERE report IN (SELECT id FROM dmarc_report WHERE domain = ?)",
		"DELETE FROM dmarc_report WHERE domain = ?",
		"DELETE FROM source_day WHERE domain = ?",
		"DELETE FROM tls_row WHERE domain = ?",
		"DELETE FROM policy_step WHERE domain = ?",
		"DELETE FROM disowned_source WHERE domain = ?",
	} {
		if _, err := t.write(text, domain); err != nil {
			return err
		}
	}
	return nil
}
