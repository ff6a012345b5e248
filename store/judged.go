package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"gomail/reports"
)

// AddJudged adds results to what is known of their days.
func (s *Store) AddJudged(ctx context.Context, days []reports.JudgedDay) error {
	return s.update(ctx, func(t *tx) error {
		for _, d := range days {
			if err := t.addJudged(d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) addJudged(d reports.JudgedDay) error {
	day := toMicro(d.Day)
	known, err := t.int64("SELECT COUNT(*) FROM judged WHERE day = ? AND domain = ?", day, d.Domain)
	if err != nil {
		return err
	}
	if known == 0 {
		domains, err := t.int64("SELECT COUNT(DISTINCT domain) FROM judged WHERE day = ?", day)
		if err != nil || domains >= reports.MaxJudgedDomains {
			return err
		}
	}
	for _, j := range d.Results {
		added, err := t.countJudged(day, j, known < reports.MaxJudged)
		if err != nil {
			return err
		}
		if added {
			known++
		}
	}
	return nil
}

// countJudged adds messages to a result, or, where there is room, the result.
func (t *tx) countJudged(day int64, j reports.Judged, room bool) (added bool, err error) {
	messages := j.Result.Count
	j.Result.Count = 0
	policy, err := jsonText(j.Policy)
	if err != nil {
		return false, err
	}
	result, err := jsonText(j.Result)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256([]byte(policy + result))
	digest := hex.EncodeToString(sum[:16])
	n, err := t.write("UPDATE judged SET messages = messages + ? WHERE day = ? AND domain = ? AND digest = ?", messages, day, j.Policy.Domain, digest)
	if err != nil || n > 0 || !room {
		return false, err
	}
	_, err = t.write("INSERT INTO judged (day, domain, digest, policy, result, messages) VALUES (?, ?, ?, ?, ?, ?)", day, j.Policy.Domain, digest, policy, result, messages)
	return true, err
}

// JudgedDays returns the days before a moment of which there are results, with
// their domains and without the results.
func (s *Store) JudgedDays(ctx context.Context, before time.Time) (all []reports.JudgedDay, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var d reports.JudgedDay
			err := rows.Scan((*micro)(&d.Day), &d.Domain)
			all = append(all, d)
			return err
		}, "SELECT DISTINCT day, domain FROM judged WHERE day < ? ORDER BY day, domain", toMicro(before))
	})
	return all, err
}

// Judged returns the results about a domain's day, those with the most
// messages first.
func (s *Store) Judged(ctx context.Context, domain string, day time.Time) (all []reports.Judged, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var j reports.Judged
			var policy, result string
			var messages int
			if err := rows.Scan(&policy, &result, &messages); err != nil {
				return err
			}
			err := errors.Join(json.Unmarshal([]byte(policy), &j.Policy), json.Unmarshal([]byte(result), &j.Result))
			j.Result.Count = messages
			all = append(all, j)
			return err
		}, "SELECT policy, result, messages FROM judged WHERE domain = ? AND day = ? ORDER BY messages DESC, digest", domain, toMicro(day))
	})
	return all, err
}

// RemoveJudged removes the results about a domain's day.
func (s *Store) RemoveJudged(ctx context.Context, domain string, day time.Time) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM judged WHERE day = ? AND domain = ?", toMicro(day), domain)
		return err
	})
}
