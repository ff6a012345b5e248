package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"gomail"
)

// holders is a sum over what holds frames. Two sums that should be the same
// differ, with hardly an exception, when one holder more or less is counted.
type holders uint64

func (h *holders) add(frame, times int64) {
	*h += holders(uint64(times) * mix(uint64(frame)))
}

// checkAccounts goes through the messages: each is as it was written and has a
// body of its size, and its account's quota agrees. It returns what the
// messages hold of the frames.
func checkAccounts(c *conn, found func(string)) (holds holders, err error) {
	used := map[gomail.AccountID]usage{}
	leaving, err := readLeaving(c, found)
	if err != nil {
		return holds, err
	}
	err = c.query(func(rows *sql.Rows) error {
		var account gomail.AccountID
		var id, frame, size, received, sum int64
		var prefix, index sql.RawBytes
		var body sql.NullInt64
		if err := rows.Scan(&account, &id, &frame, &size, &received, &prefix, &index, &sum, &body); err != nil {
			return err
		}
		if !leaving[account][gomail.MessageID(id)] {
			used[account] = usage{used[account].bytes + size, used[account].messages + 1}
		}
		holds.add(frame, 1)
		if !sumMatches(sum, account, id, frame, size, received, prefix, index) {
			found(fmt.Sprintf("a message's row does not match its checksum (account %d, message %d)", account, id))
		}
		switch {
		case !body.Valid:
			found(fmt.Sprintf("a message has no body (account %d, message %d)", account, id))
		case size != int64(len(prefix))+body.Int64:
			found(fmt.Sprintf("a message has another size than its body (account %d, message %d: %d, its parts %d)", account, id, size, int64(len(prefix))+body.Int64))
		}
		return nil
	}, "SELECT m.account_id, m.id, m.frame_id, m.size, m.received, m.prefix, m.env, m.sum, f.rlen FROM message m LEFT JOIN frame f ON f.id = m.frame_id")
	if err != nil {
		return holds, err
	}
	if err := checkQuotas(c, used, found); err != nil {
		return holds, err
	}
	return holds, places(c, found, "a body's holders are miscounted",
		`SELECT 'account ' || b.account_id || ', body ' || b.id || ' counts ' || b.refs FROM blob b
		 LEFT JOIN (SELECT account_id, blob_id, COUNT(*) AS n FROM qmsg GROUP BY account_id, blob_id) h
		 ON h.account_id = b.account_id AND h.blob_id = b.id WHERE b.refs <> COALESCE(h.n, 0)`)
}

func sumHolders(c *conn, sum *holders, query string) error {
	return c.query(func(rows *sql.Rows) error {
		var frame int64
		err := rows.Scan(&frame)
		sum.add(frame, 1)
		return err
	}, query)
}

// usage is what an account holds.
type usage struct{ bytes, messages int64 }

func checkQuotas(c *conn, used map[gomail.AccountID]usage, found func(string)) error {
	err := c.query(func(rows *sql.Rows) error {
		var id gomail.AccountID
		var says usage
		err := rows.Scan(&id, &says.bytes, &says.messages)
		if is := used[id]; says != is {
			found(fmt.Sprintf("an account's quota differs from its messages (account %d uses %d octets in %d messages, its messages are %d in %d)", id, says.bytes, says.messages, is.bytes, is.messages))
		}
		delete(used, id)
		return err
	}, "SELECT id, quota_used, quota_messages_used FROM account")
	for id := range used {
		found(fmt.Sprintf("messages are of an account that does not exist (account %d)", id))
	}
	return err
}

// mailboxKey names a mailbox among those of all accounts.
type mailboxKey struct {
	account gomail.AccountID
	id      gomail.MailboxID
}

// tally is what a mailbox's row should say.
type tally struct {
	total, unseen, deleted, bytes, crc, highest int64
	modseq                                      gomail.ModSeq // the highest
}

// checkMailboxes recounts every mailbox and its checksum.
func checkMailboxes(c *conn, found func(string)) error {
	counts := map[mailboxKey]*tally{}
	err := c.query(func(rows *sql.Rows) error {
		var key mailboxKey
		var first gomail.UID
		var is, says pageSpan
		var stored sql.RawBytes
		if err := rows.Scan(&key.account, &key.id, &first, &says.modseq, &says.lowest, &says.highest, &stored); err != nil {
			return err
		}
		if counts[key] == nil {
			counts[key] = &tally{}
		}
		if first <= gomail.UID(counts[key].highest) {
			found(fmt.Sprintf("pages of entries overlap (account %d, mailbox %d, from UID %d)", key.account, key.id, first))
		}
		r := readPage(first, stored)
		for r.next() {
			is.add(&r.at)
			if r.at.UID <= gomail.UID(counts[key].highest) {
				found(fmt.Sprintf("entries are not in the order of their UIDs (account %d, mailbox %d, UID %d)", key.account, key.id, r.at.UID))
			}
			counts[key].add(&r.at)
		}
		switch {
		case r.err != nil || is.lowest == 0:
			found(fmt.Sprintf("a page of entries is damaged (account %d, mailbox %d, from UID %d)", key.account, key.id, first))
		case is != says:
			found(fmt.Sprintf("a page of entries is not what its row says (account %d, mailbox %d, from UID %d)", key.account, key.id, first))
		}
		return nil
	}, "SELECT account_id, mailbox_id, first, modseq, lowest, highest, entries FROM entry_page ORDER BY account_id, mailbox_id, first")
	if err != nil {
		return err
	}
	return c.query(func(rows *sql.Rows) error {
		var key mailboxKey
		var next int64
		var row tally
		var modseq gomail.ModSeq
		if err := rows.Scan(&key.account, &key.id, &next, &modseq, &row.total, &row.unseen, &row.deleted, &row.bytes, &row.crc); err != nil {
			return err
		}
		want := counts[key]
		if want == nil {
			want = &tally{}
		}
		if want.highest >= next {
			found(fmt.Sprintf("a mailbox would give a UID out twice (account %d, mailbox %d, next %d)", key.account, key.id, next))
		}
		if want.modseq > modseq {
			found(fmt.Sprintf("an entry was changed after its mailbox (account %d, mailbox %d)", key.account, key.id))
		}
		row.highest, row.modseq = want.highest, want.modseq
		if row != *want {
			found(fmt.Sprintf("a mailbox's counters differ from its messages (account %d, mailbox %d: %+v, recounted %+v)", key.account, key.id, row, *want))
		}
		return nil
	}, "SELECT account_id, id, uidnext, modseq, total, unseen, deleted, bytes, crc FROM mailbox")
}

func (w *tally) add(e *entry) {
	w.total++
	w.bytes += e.Size
	if !e.Flags.Has(gomail.FlagSeen) {
		w.unseen++
	}
	if e.Flags.Has(gomail.FlagDeleted) {
		w.deleted++
	}
	w.crc ^= entryHash(e.UID, e.Message)
	w.highest = max(w.highest, int64(e.UID))
	w.modseq = max(w.modseq, e.ModSeq)
}

// knownKey matches a DKIM key's algorithm and state.
var knownKey = regexp.MustCompile(`^(ed25519|rsa) (pending|active|retiring|revoked)$`)

// checkTexts reads the values that have a form of their own.
func checkTexts(c *conn, found func(string)) error {
	forms := []struct {
		problem, query string
		right          func(string) bool
	}{
		{"a queued message has no readable recipient or sender", "SELECT DISTINCT rcpt FROM qrcpt UNION SELECT DISTINCT sender FROM qmsg WHERE sender <> ''",
			func(s string) bool { _, err := gomail.ParseAddress(s); return err == nil }},
		{"a domain has an impossible name", "SELECT name FROM domain",
			func(s string) bool { name, err := gomail.CanonicalDomain(s); return err == nil && name == s }},
		{"settings cannot be read", "SELECT settings FROM domain UNION SELECT settings FROM list", func(s string) bool { return s == "" || json.Valid([]byte(s)) }},
		{"an account has an impossible state", "SELECT DISTINCT role || ' ' || disabled FROM account WHERE id <> 0",
			func(s string) bool {
				return slices.Contains([]string{"user 0", "user 1", "admin 0", "admin 1", " 0", " 1"}, s)
			}},
		{"a mailbox has an unknown role", "SELECT DISTINCT role FROM mailbox",
			func(s string) bool {
				return s == "" || slices.ContainsFunc(gomail.StandardMailboxes, func(m struct {
					Name string
					Role gomail.MailboxRole
				}) bool {
					return string(m.Role) == s
				})
			}},
		{"a DKIM key has an unknown algorithm or state", "SELECT DISTINCT alg || ' ' || state FROM dkim_key",
			knownKey.MatchString},
		{"an address has an impossible form", "SELECT r.local || '@' || d.name FROM address r JOIN domain d ON d.id = r.domain_id",
			func(s string) bool { _, err := gomail.ParseAddress(s); return err == nil }},
	}
	for _, f := range forms {
		err := c.query(func(rows *sql.Rows) error {
			var value string
			err := rows.Scan(&value)
			if !f.right(value) {
				found(fmt.Sprintf("%s (%q)", f.problem, value))
			}
			return err
		}, f.query)
		if err != nil {
			return err
		}
	}
	return nil
}
