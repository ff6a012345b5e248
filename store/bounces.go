package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"gomail"
	"gomail/bounces"
)

const countColumns = "sent, delivered, deferred, hard, mailbox_full, blocked, policy, soft, complaints, roles, said"

// countsOf names the counts in the order of their columns.
func countsOf(c *bounces.Counts, said *string) []any {
	return []any{&c.Sent, &c.Delivered, &c.Deferred, &c.Hard, &c.Full, &c.Blocked, &c.Policy, &c.Soft, &c.Complaints, &c.Roles, said}
}

// addCounts makes an INSERT add to the row that is there.
func addCounts(table, key string) string {
	var b strings.Builder
	columns := strings.Split(countColumns, ", ")
	b.WriteString("INSERT INTO " + table + " (" + key + ", " + countColumns + ") VALUES (?" +
		strings.Repeat(", ?", strings.Count(key, ",")+len(columns)) + ") ON CONFLICT (" + key + ") DO UPDATE SET ")
	for _, c := range columns[:len(columns)-1] {
		b.WriteString(c + " = " + table + "." + c + " + excluded." + c + ", ")
	}
	b.WriteString("said = CASE WHEN excluded.said = '' THEN " + table + ".said ELSE excluded.said END")
	return b.String()
}

// outcomeDaysKept is how long days are kept.
const outcomeDaysKept = 400 * 24 * time.Hour

// RecordBounces adds a batch to what is known.
func (s *Store) RecordBounces(ctx context.Context, b bounces.Batch, keep time.Time, extend func(*bounces.Suppression, bounces.Suppression) bounces.Suppression) error {
	return s.update(ctx, func(t *tx) error {
		for _, x := range b.Tallies {
			if err := t.addTally(x); err != nil {
				return err
			}
		}
		for _, x := range b.Suppressions {
			if err := t.suppress(x, extend); err != nil {
				return err
			}
		}
		_, err := t.write("DELETE FROM outcome_hour WHERE hour < ?", toMicro(keep))
		return err
	})
}

func (t *tx) addTally(x bounces.Tally) error {
	counts := countsOf(&x.Counts, &x.Said)
	if _, err := t.write(addCounts("outcome_hour", "hour, domain, account_id"), append([]any{toMicro(x.Hour), x.Domain, x.Account}, counts...)...); err != nil {
		return err
	}
	if x.Domain == "" { // a message of the server itself, with the null reverse-path
		return nil
	}
	day := x.Hour.UTC().Truncate(24 * time.Hour)
	known, err := t.int64("SELECT COUNT(*) FROM outcome_day WHERE domain = ? AND day = ?", x.Domain, toMicro(day))
	if err == nil && known == 0 { // a new day: those that are old go
		_, err = t.write("DELETE FROM outcome_day WHERE domain = ? AND day < ?", x.Domain, toMicro(day.Add(-outcomeDaysKept)))
	}
	if err != nil {
		return err
	}
	_, err = t.write(addCounts("outcome_day", "domain, day"), append([]any{x.Domain, toMicro(day)}, counts...)...)
	return err
}

const suppressionColumns = "account_id, address, why, step, told, first, last, until, status, diagnostic, returned"

func scanSuppression(rows *sql.Rows) (x bounces.Suppression, err error) {
	var address string
	err = rows.Scan(&x.Account, &address, &x.Why, &x.Step, &x.Count, (*micro)(&x.First), (*micro)(&x.Last), (*micro)(&x.Until), &x.Status, &x.Diagnostic, &x.Returned)
	if err != nil {
		return x, sqlError(err)
	}
	if x.Address, err = gomail.ParseAddress(address); err != nil {
		err = gomail.Errorf(gomail.Corrupt, "the suppressed address %q: %w", address, err)
	}
	return x, err
}

func (c *conn) suppressions(condition string, args ...any) (all []bounces.Suppression, err error) {
	err = c.query(func(rows *sql.Rows) error {
		x, err := scanSuppression(rows)
		all = append(all, x)
		return err
	}, "SELECT "+suppressionColumns+" FROM suppression WHERE "+condition, args...)
	return all, err
}

// suppress writes a suppression that was told, or told again.
func (t *tx) suppress(x bounces.Suppression, extend func(*bounces.Suppression, bounces.Suppression) bounces.Suppression) error {
	known, err := t.conn.suppressions("account_id = ? AND address = ? AND why = ?", x.Account, x.Address.String(), x.Why)
	if err != nil {
		return err
	}
	var old *bounces.Suppression
	if len(known) > 0 {
		old = &known[0]
	}
	x = extend(old, x)
	_, err = t.write("INSERT INTO suppression ("+suppressionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, address, why) DO UPDATE SET step = excluded.step, told = excluded.told, first = excluded.first, last = excluded.last,
		until = excluded.until, status = excluded.status, diagnostic = excluded.diagnostic, returned = excluded.returned`,
		x.Account, x.Address.String(), x.Why, x.Step, x.Count, toMicro(x.First), toMicro(x.Last), toMicro(x.Until), x.Status, x.Diagnostic, x.Returned)
	return err
}

// Suppressed returns why mail of an account to an address is not sent.
func (s *Store) Suppressed(ctx context.Context, account gomail.AccountID, to gomail.Address, after time.Time) (all []bounces.Suppression, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = c.suppressions("account_id = ? AND address = ? AND until > ? ORDER BY why", account, to.Canonical().String(), toMicro(after))
		return err
	})
	return all, err
}

// Suppressions lists an account's in the order of their addresses. Both of an
// address come together, so that there may be one more than limit.
func (s *Store) Suppressions(ctx context.Context, account gomail.AccountID, after string, limit int) (all []bounces.Suppression, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = c.suppressions("account_id = ? AND address IN (SELECT DISTINCT address FROM suppression WHERE account_id = ? AND address > ? ORDER BY address LIMIT ?) ORDER BY address, why",
			account, account, after, limit)
		return err
	})
	return all, err
}

// ClearSuppressions forgets an account's for an address, or all.
func (s *Store) ClearSuppressions(ctx context.Context, account gomail.AccountID, to gomail.Address) (n int, err error) {
	condition, args := "account_id = ?", []any{account}
	if !to.IsNull() {
		condition, args = condition+" AND address = ?", append(args, to.Canonical().String())
	}
	err = s.update(ctx, func(t *tx) error {
		changed, err := t.write("DELETE FROM suppression WHERE "+condition, args...)
		n = int(changed)
		return err
	})
	return n, err
}

const countSums = "SUM(sent), SUM(delivered), SUM(deferred), SUM(hard), SUM(mailbox_full), SUM(blocked), SUM(policy), SUM(soft), SUM(complaints), SUM(roles), MAX(said)"

// BounceTotals adds up each sender's hours from a time on.
func (s *Store) BounceTotals(ctx context.Context, since time.Time) (all []bounces.Tally, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			x := bounces.Tally{Hour: since}
			err := rows.Scan(append([]any{&x.Domain, &x.Account}, countsOf(&x.Counts, &x.Said)...)...)
			all = append(all, x)
			return err
		}, "SELECT domain, account_id, "+countSums+" FROM outcome_hour WHERE hour >= ? GROUP BY domain, account_id ORDER BY domain, account_id", toMicro(since))
	})
	return all, err
}

// BounceDays returns a domain's days from a time on.
func (s *Store) BounceDays(ctx context.Context, domain string, since time.Time) (all []bounces.Day, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var x bounces.Day
			err := rows.Scan(append([]any{(*micro)(&x.Day)}, countsOf(&x.Counts, &x.Said)...)...)
			all = append(all, x)
			return err
		}, "SELECT day, "+countColumns+" FROM outcome_day WHERE domain = ? AND day >= ? ORDER BY day", domain, toMicro(since))
	})
	return all, err
}

// BounceAlarms returns the alarms that hold.
func (s *Store) BounceAlarms(ctx context.Context) (all []bounces.Alarm, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var x bounces.Alarm
			err := rows.Scan(append([]any{&x.Domain, &x.Account, (*micro)(&x.Since)}, countsOf(&x.Counts, &x.Said)...)...)
			all = append(all, x)
			return err
		}, "SELECT domain, account_id, since, "+countColumns+" FROM bounce_alarm ORDER BY domain, account_id")
	})
	return all, err
}

// SetBounceAlarms writes the alarms that hold, and no others.
func (s *Store) SetBounceAlarms(ctx context.Context, all []bounces.Alarm) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM bounce_alarm"); err != nil {
			return err
		}
		for _, x := range all {
			if _, err := t.write("INSERT INTO bounce_alarm (domain, account_id, since, "+countColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				append([]any{x.Domain, x.Account, toMicro(x.Since)}, countsOf(&x.Counts, &x.Said)...)...); err != nil {
				return err
			}
		}
		return nil
	})
}
