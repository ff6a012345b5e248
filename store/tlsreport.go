package store

import (
	"cmp"
	"context"
	"database/sql"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gomail/reports/tlsrpt"
	"gomail/tlspolicy"
)

// AddTLSSessions adds to what was counted of sessions with others.
func (s *Store) AddTLSSessions(ctx context.Context, counts []tlspolicy.Count) error {
	return s.update(ctx, func(t *tx) error {
		for _, c := range counts {
			f := c.Failure
			if _, err := t.write("INSERT INTO tls_session (day, domain, policy, policy_lines, policy_hosts, result, mx, mx_ip, our_ip, reason, sessions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
				" ON CONFLICT (day, domain, policy, policy_lines, policy_hosts, result, mx, mx_ip, our_ip, reason) DO UPDATE SET sessions = tls_session.sessions + excluded.sessions",
				toMicro(c.Day), c.Domain, string(c.Policy), strings.Join(c.Strings, "\n"), strings.Join(c.MXHosts, "\n"),
				string(f.Type), f.ReceivingMX, addrText(f.ReceivingIP), addrText(f.SendingIP), f.ReasonCode, c.Sessions); err != nil {
				return err
			}
		}
		return nil
	})
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// TLSSessions returns what was counted of a domain on a day.
func (s *Store) TLSSessions(ctx context.Context, domain string, day time.Time, limit int) (counts []tlspolicy.Count, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			n := tlspolicy.Count{Session: tlspolicy.Session{Domain: domain}, Day: day}
			var lines, hosts, theirs, ours string
			f := &n.Failure
			if err := rows.Scan(&n.Policy, &lines, &hosts, &f.Type, &f.ReceivingMX, &theirs, &ours, &f.ReasonCode, &n.Sessions); err != nil {
				return err
			}
			n.Strings, n.MXHosts = splitLines(lines), splitLines(hosts)
			f.ReceivingIP, _ = netip.ParseAddr(theirs) // empty: not known
			f.SendingIP, _ = netip.ParseAddr(ours)
			counts = append(counts, n)
			return nil
		}, "SELECT policy, policy_lines, policy_hosts, result, mx, mx_ip, our_ip, reason, sessions FROM tls_session WHERE day = ? AND domain = ? ORDER BY sessions DESC, policy, policy_lines, result, mx, mx_ip, our_ip, reason LIMIT ?",
			toMicro(day), domain, limit)
	})
	return counts, err
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// TLSReportsDue returns the reports that are not settled.
func (s *Store) TLSReportsDue(ctx context.Context, from, until, at time.Time, limit int) (due []tlsrpt.Outgoing, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var r tlsrpt.Outgoing
			var day, next int64
			var sent string
			err := rows.Scan(&r.Domain, &day, &r.Tries, &next, &r.Outcome, &sent)
			r.Day, r.Next, r.Sent = fromMicro(day), maybeMicro(next), splitLines(sent)
			due = append(due, r)
			return err
		}, "SELECT s.domain, s.day, COALESCE(o.tries, 0), COALESCE(o.next, 0), COALESCE(o.outcome, ''), COALESCE(o.sent, '')"+
			" FROM (SELECT DISTINCT day, domain FROM tls_session WHERE day >= ? AND day < ?) s LEFT JOIN tls_report_out o ON o.day = s.day AND o.domain = s.domain"+
			" WHERE COALESCE(o.done, 0) = 0 AND COALESCE(o.next, 0) <= ? ORDER BY s.day, s.domain LIMIT ?",
			toMicro(from), toMicro(until), toMicro(at), limit)
	})
	slices.SortStableFunc(due, func(a, b tlsrpt.Outgoing) int { return cmp.Compare(a.Tries, b.Tries) }) // what fails waits for the others
	return due, err
}

// SetTLSReport keeps where a report stands.
func (s *Store) SetTLSReport(ctx context.Context, r tlsrpt.Outgoing) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO tls_report_out (day, domain, tries, next, done, outcome, sent) VALUES (?, ?, ?, ?, ?, ?, ?)"+
			" ON CONFLICT (day, domain) DO UPDATE SET tries = excluded.tries, next = excluded.next, done = excluded.done, outcome = excluded.outcome, sent = excluded.sent",
			toMicro(r.Day), r.Domain, r.Tries, toMicro(r.Next), r.Done, r.Outcome, strings.Join(r.Sent, "\n"))
		return err
	})
}

// RemoveTLSSessions removes what is about days before one.
func (s *Store) RemoveTLSSessions(ctx context.Context, before time.Time) error {
	return s.update(ctx, func(t *tx) error {
		for _, table := range []string{"tls_session", "tls_report_out"} {
			if _, err := t.write("DELETE FROM "+table+" WHERE day < ?", toMicro(before)); err != nil {
				return err
			}
		}
		return nil
	})
}
