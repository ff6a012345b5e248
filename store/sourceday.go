package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gomail/ladder"
	"gomail/reports"
)

const sourceDayColumns = "day, source, service, messages, spf, dkim, aligned, unlisted, bare, quarantined, rejected, first, last, addresses, selectors"

// addSourceDays adds what a report says to what is known of its day.
func (t *tx) addSourceDays(domain string, days []reports.SourceDay) error {
	if len(days) == 0 {
		return nil
	}
	known, err := t.sourcesOn(domain, days[0].Day)
	if err != nil {
		return err
	}
	for _, d := range days {
		if _, there := known[d.Source]; !there && reports.Crowded(len(known), d.Aligned > 0) {
			d.Source, d.Service = ladder.Others, ""
		}
		all := d
		if before, there := known[d.Source]; there {
			all = before
			all.Merge(d)
		}
		known[d.Source] = all
		if err := t.putSourceDay(domain, all); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) sourcesOn(domain string, day time.Time) (map[string]reports.SourceDay, error) {
	known := map[string]reports.SourceDay{}
	err := t.query(func(rows *sql.Rows) error {
		d, err := scanSourceDay(rows)
		known[d.Source] = d
		return err
	}, "SELECT "+sourceDayColumns+" FROM source_day WHERE domain = ? AND day = ?", domain, toMicro(day))
	return known, err
}

func (t *tx) putSourceDay(domain string, d reports.SourceDay) error {
	addresses, err := jsonText(d.Addresses)
	if err != nil {
		return err
	}
	selectors, err := jsonText(d.Selectors)
	if err != nil {
		return err
	}
	if _, err := t.write("DELETE FROM source_day WHERE domain = ? AND day = ? AND source = ?", domain, toMicro(d.Day), d.Source); err != nil {
		return err
	}
	_, err = t.write("INSERT INTO source_day (domain, "+sourceDayColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		domain, toMicro(d.Day), d.Source, d.Service, d.Messages, d.SPF, d.DKIM, d.Aligned, d.Unlisted, d.Bare, d.Quarantined, d.Rejected,
		toMicro(d.First), toMicro(d.Last), addresses, selectors)
	return err
}

// EachSourceDay visits every source of a domain on every day from since on.
func (s *Store) EachSourceDay(ctx context.Context, domain string, since time.Time, visit func(reports.SourceDay) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			d, err := scanSourceDay(rows)
			if err != nil {
				return err
			}
			return visit(d)
		}, "SELECT "+sourceDayColumns+" FROM source_day WHERE domain = ? AND day >= ? ORDER BY day, source", domain, toMicro(since))
	})
}

func scanSourceDay(rows *sql.Rows) (d reports.SourceDay, err error) {
	var day, first, last int64
	var addresses, selectors string
	err = rows.Scan(&day, &d.Source, &d.Service, &d.Messages, &d.SPF, &d.DKIM, &d.Aligned, &d.Unlisted, &d.Bare, &d.Quarantined, &d.Rejected,
		&first, &last, &addresses, &selectors)
	if err != nil {
		return d, err
	}
	d.Day, d.First, d.Last = fromMicro(day), fromMicro(first), fromMicro(last)
	return d, errors.Join(json.Unmarshal([]byte(addresses), &d.Addresses), json.Unmarshal([]byte(selectors), &d.Selectors))
}

const sourceDaySums = "SUM(messages), SUM(spf), SUM(dkim), SUM(aligned), SUM(unlisted), SUM(bare), SUM(quarantined), SUM(rejected), MIN(first), MAX(last)"

// SourceTotals returns the sources with their days added up.
func (s *Store) SourceTotals(ctx context.Context, domain string, since time.Time) ([]reports.SourceDay, error) {
	return s.sums(ctx, func(d *reports.SourceDay) []any { return []any{&d.Source, &d.Service} },
		"SELECT source, MAX(service), "+sourceDaySums+" FROM source_day WHERE domain = ? AND day >= ? GROUP BY source ORDER BY SUM(aligned) > 0 DESC, SUM(messages) DESC, source",
		domain, toMicro(since))
}

// Volume returns the days with their sources added up.
func (s *Store) Volume(ctx context.Context, domain string, since time.Time) ([]reports.SourceDay, error) {
	return s.sums(ctx, func(d *reports.SourceDay) []any { return []any{(*micro)(&d.Day)} },
		"SELECT day, "+sourceDaySums+" FROM source_day WHERE domain = ? AND day >= ? GROUP BY day ORDER BY day", domain, toMicro(since))
}

// sums reads rows of sums, before which stands what they are the sums of.
func (s *Store) sums(ctx context.Context, of func(*reports.SourceDay) []any, text string, args ...any) (all []reports.SourceDay, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var d reports.SourceDay
			err := rows.Scan(append(of(&d), &d.Messages, &d.SPF, &d.DKIM, &d.Aligned, &d.Unlisted, &d.Bare, &d.Quarantined, &d.Rejected, (*micro)(&d.First), (*micro)(&d.Last))...)
			all = append(all, d)
			return err
		}, text, args...)
	})
	return all, err
}

// micro scans a moment.
type micro time.Time

// Scan implements sql.Scanner.
func (m *micro) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("read a moment: it is a %T", v)
	}
	*m = micro(fromMicro(n))
	return nil
}

// Reporters returns who sent reports about a domain, those with the most
// messages first.
func (s *Store) Reporters(ctx context.Context, domain string, since time.Time) (all []reports.Reporter, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var r reports.Reporter
			var last int64
			err := rows.Scan(&r.Org, &r.Reports, &r.Messages, &last)
			r.Last = fromMicro(last)
			all = append(all, r)
			return err
		}, "SELECT org, COUNT(*), SUM(messages), MAX(ends) FROM dmarc_report WHERE domain = ? AND begins >= ? GROUP BY org ORDER BY 3 DESC, org", domain, toMicro(since))
	})
	return all, err
}

func jsonText(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write %T as JSON: %w", v, err)
	}
	return string(text), nil
}
