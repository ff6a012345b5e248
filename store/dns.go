package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// Looks returns what the scheduler needs of every domain that was looked at.
func (s *Store) Looks(ctx context.Context) (all []dnsplan.Look, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var l dnsplan.Look
			var changed, next int64
			var head string
			if err := rows.Scan(&l.Domain, &changed, &next, &head); err != nil {
				return err
			}
			l.Changed, l.Next = fromMicro(changed), fromMicro(next)
			if err := json.Unmarshal([]byte(head), &l.Report); err != nil {
				return fmt.Errorf("read what was seen of %s: %w", l.Domain, err)
			}
			all = append(all, l)
			return nil
		}, "SELECT d.name, l.changed, l.next, l.head FROM dns_look l JOIN domain d ON d.id = l.domain_id ORDER BY d.name")
	})
	return all, err
}

// Look returns the last look at a domain.
func (s *Store) Look(ctx context.Context, domain string) (l dnsplan.Look, err error) {
	l.Domain = domain
	err = s.read(ctx, func(c *conn) error {
		var changed, next int64
		var report, known, untold string
		found, err := c.row([]any{&changed, &next, &report, &known, &untold},
			"SELECT l.changed, l.next, l.report, l.known, l.untold FROM dns_look l JOIN domain d ON d.id = l.domain_id WHERE d.name = ?", domain)
		switch {
		case err != nil:
			return err
		case !found:
			return gomail.Errorf(gomail.NotFound, "the DNS of %s was not looked at yet", domain)
		}
		l.Changed, l.Next = fromMicro(changed), fromMicro(next)
		if err := json.Unmarshal([]byte(report), &l.Report); err != nil {
			return fmt.Errorf("read what was seen of %s: %w", domain, err)
		}
		if err := json.Unmarshal([]byte(untold), &l.Untold); err != nil {
			return fmt.Errorf("read what was lost of %s: %w", domain, err)
		}
		return json.Unmarshal([]byte(known), &l.Known)
	})
	return l, err
}

// AddLook replaces the last look at a domain and adds to its history.
func (s *Store) AddLook(ctx context.Context, l dnsplan.Look, entries []dnsplan.Entry) error {
	head := l.Report
	head.Records, head.Probes, head.Troubles = nil, nil, nil
	texts := make([]string, 0, 4)
	for _, v := range []any{head, l.Report, l.Known, append([]dnsplan.Entry{}, l.Untold...)} {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write what was seen of %s: %w", l.Domain, err)
		}
		texts = append(texts, string(text))
	}
	return s.update(ctx, func(t *tx) error {
		id, err := t.int64("SELECT id FROM domain WHERE name = ?", l.Domain)
		if err != nil || id == 0 {
			return cmpErr(err, gomail.Errorf(gomail.NotFound, "the domain %s is not hosted here", l.Domain))
		}
		if _, err := t.write("INSERT INTO dns_look (domain_id, checked, changed, next, head, report, known, untold) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"+
			" ON CONFLICT (domain_id) DO UPDATE SET checked = excluded.checked, changed = excluded.changed, next = excluded.next, head = excluded.head, report = excluded.report, known = excluded.known, untold = excluded.untold",
			id, toMicro(l.Report.CheckedAt), toMicro(l.Changed), toMicro(l.Next), texts[0], texts[1], texts[2], texts[3]); err != nil {
			return err
		}
		return t.insertHistory(id, entries)
	})
}

func (t *tx) insertHistory(domain int64, entries []dnsplan.Entry) error {
	for i, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write the DNS history: %w", err)
		}
		if _, err := t.write("INSERT INTO dns_history (domain_id, at, n, name, kind, entry) VALUES (?, ?, ?, ?, ?, ?)"+
			" ON CONFLICT (domain_id, at, n) DO UPDATE SET name = excluded.name, kind = excluded.kind, entry = excluded.entry",
			domain, toMicro(e.At), i, e.Name, e.Type, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// History returns changes of state of a domain, the newest first.
func (s *Store) History(ctx context.Context, domain, name, kind string, limit int) (all []dnsplan.Entry, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var text string
			var e dnsplan.Entry
			if err := rows.Scan(&text); err != nil {
				return err
			}
			err := json.Unmarshal([]byte(text), &e)
			all = append(all, e)
			return err
		}, "SELECT h.entry FROM dns_history h JOIN domain d ON d.id = h.domain_id WHERE d.name = ? AND (? = '' OR h.name = ?) AND (? = '' OR h.kind = ?) ORDER BY h.at DESC, h.n LIMIT ?",
			domain, name, name, kind, kind, limit)
	})
	return all, err
}

// TrimHistory removes entries before a time.
func (s *Store) TrimHistory(ctx context.Context, before time.Time) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM dns_history WHERE at < ?", toMicro(before))
		return err
	})
}

// forgetDNS removes what is kept by the name of a domain that goes: whoever
// adds it again begins anew.
func (t *tx) forgetDNS(id gomail.DomainID) error {
	var name string
	if _, err := t.row([]any{&name}, "SELECT name FROM domain WHERE id = ?", id); err != nil {
		return err
	}
	if _, err := t.write("DELETE FROM dns_publication WHERE domain = ?", name); err != nil {
		return err
	}
	return t.forgetPolicies(name)
}
