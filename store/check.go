package store

import (
	"context"
	"database/sql"
	"fmt"

	"gomail"
	"gomail/store/blob"
)

// Check holds everything that is stored against what must be true of it, in
// one moment's view, and calls found for every broken invariant. It may run
// beside a serving store.
func (s *Store) Check(ctx context.Context, found func(problem string)) error {
	return s.read(ctx, func(c *conn) error {
		for _, i := range invariants {
			if err := c.query(func(rows *sql.Rows) error {
				var where string
				err := rows.Scan(&where)
				found(i.problem + " (" + where + ")")
				return err
			}, i.query); err != nil {
				return fmt.Errorf("check that not: %s: %w", i.problem, err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := checkMailboxes(c, found); err != nil {
			return err
		}
		return s.checkBodies(ctx, c, found)
	})
}

// invariants are queries that return a row, which says where, for every
// place in which a rule is broken.
var invariants = []struct{ problem, query string }{
	{"the database is damaged", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},
	{"an account's counter is behind what it has numbered",
		`SELECT 'account ' || a.id FROM account a WHERE a.seq < (SELECT COALESCE(MAX(modseq), 0) FROM mailbox WHERE account_id = a.id)
		 OR a.seq < (SELECT COALESCE(MAX(id), 0) FROM message WHERE account_id = a.id) OR a.seq < (SELECT COALESCE(MAX(seq), 0) FROM change WHERE account_id = a.id)`},
	{"an account's quota differs from its messages",
		"SELECT 'account ' || a.id || ' uses ' || a.quota_used FROM account a WHERE a.quota_used <> (SELECT COALESCE(SUM(size), 0) FROM message WHERE account_id = a.id)"},
	{"an account lacks its INBOX or its address",
		"SELECT 'account ' || a.id FROM account a WHERE a.id <> 0 AND (NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.account_id = a.id AND m.role = 'inbox') OR NOT EXISTS (SELECT 1 FROM address r WHERE r.account_id = a.id AND r.is_alias = 0))"},
	{"a mailbox is below one that does not exist",
		"SELECT 'account ' || m.account_id || ', mailbox ' || m.id FROM mailbox m WHERE m.parent <> 0 AND NOT EXISTS (SELECT 1 FROM mailbox p WHERE p.account_id = m.account_id AND p.id = m.parent)"},
	{"an entry is in a mailbox that does not exist, or of a message that does not exist",
		"SELECT 'account ' || e.account_id || ', mailbox ' || e.mailbox_id || ', UID ' || e.uid FROM msg_mailbox e WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.account_id = e.account_id AND m.id = e.mailbox_id) OR NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = e.account_id AND m.id = e.message_id)"},
	{"an entry was changed after its mailbox",
		"SELECT 'account ' || e.account_id || ', mailbox ' || e.mailbox_id || ', UID ' || e.uid FROM msg_mailbox e JOIN mailbox m ON m.account_id = e.account_id AND m.id = e.mailbox_id WHERE e.modseq > m.modseq"},
	{"a UID is in use and logged as gone",
		"SELECT 'account ' || e.account_id || ', mailbox ' || e.mailbox_id || ', UID ' || e.uid FROM change c JOIN msg_mailbox e ON e.account_id = c.account_id AND e.mailbox_id = c.mailbox_id AND e.uid = c.uid WHERE c.op = 1"},
	{"a message is in no mailbox",
		"SELECT 'account ' || m.account_id || ', message ' || m.id FROM message m WHERE NOT EXISTS (SELECT 1 FROM msg_mailbox e WHERE e.account_id = m.account_id AND e.message_id = m.id)"},
	{"a message or queued message has no body",
		"SELECT 'account ' || h.account_id || ', body ' || h.blob_id FROM (SELECT account_id, blob_id FROM message UNION SELECT account_id, blob_id FROM qmsg) h WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.account_id = h.account_id AND b.id = h.blob_id)"},
	{"a body's holders are miscounted",
		"SELECT 'account ' || b.account_id || ', body ' || b.id || ' counts ' || b.refs FROM blob b WHERE b.refs <> (SELECT COUNT(*) FROM message m WHERE m.account_id = b.account_id AND m.blob_id = b.id) + (SELECT COUNT(*) FROM qmsg q WHERE q.account_id = b.account_id AND q.blob_id = b.id)"},
	{"a body that nobody holds is not up for collection",
		"SELECT 'account ' || b.account_id || ', body ' || b.id FROM blob b WHERE b.refs = 0 AND NOT EXISTS (SELECT 1 FROM blob_gc g WHERE g.account_id = b.account_id AND g.blob_id = b.id)"},
	{"a body is nowhere",
		"SELECT 'account ' || b.account_id || ', body ' || b.id FROM blob b WHERE NOT EXISTS (SELECT 1 FROM frame f WHERE f.id = b.frame_id)"},
	{"a frame's holders are miscounted",
		"SELECT 'frame ' || f.id || ' counts ' || f.refs FROM frame f LEFT JOIN (SELECT frame_id, COUNT(*) AS n FROM blob GROUP BY frame_id) b ON b.frame_id = f.id WHERE f.refs <> COALESCE(b.n, 0)"},
	{"a pack's live octets are miscounted",
		"SELECT 'pack ' || p.id || ' counts ' || p.live FROM pack p WHERE p.live <> (SELECT COALESCE(SUM(clen), 0) FROM frame f WHERE f.loc_kind = 1 AND f.pack_id = p.id)"},
	{"a queued recipient has no message, or a queued message no recipient",
		"SELECT 'slot ' || r.slot || ', message ' || r.msg_id FROM qrcpt r WHERE NOT EXISTS (SELECT 1 FROM qmsg m WHERE m.slot = r.slot AND m.id = r.msg_id) UNION SELECT 'slot ' || m.slot || ', message ' || m.id FROM qmsg m WHERE NOT EXISTS (SELECT 1 FROM qrcpt r WHERE r.slot = m.slot AND r.msg_id = m.id)"},
}

// tally is what a mailbox's row should say.
type tally struct{ total, unseen, deleted, bytes, crc, highest int64 }

// checkMailboxes recounts every mailbox and its checksum.
func checkMailboxes(c *conn, found func(string)) error {
	counts := map[mailboxKey]*tally{}
	err := c.query(func(rows *sql.Rows) error {
		var key mailboxKey
		var uid gomail.UID
		var message gomail.MessageID
		var flags gomail.Flags
		var size int64
		if err := rows.Scan(&key.account, &key.id, &uid, &message, &flags, &size); err != nil {
			return err
		}
		if counts[key] == nil {
			counts[key] = &tally{}
		}
		counts[key].add(uid, message, flags, size)
		return nil
	}, "SELECT e.account_id, e.mailbox_id, e.uid, e.message_id, e.flags, m.size FROM msg_mailbox e JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id")
	if err != nil {
		return err
	}
	return c.query(func(rows *sql.Rows) error {
		var key mailboxKey
		var next int64
		var row tally
		if err := rows.Scan(&key.account, &key.id, &next, &row.total, &row.unseen, &row.deleted, &row.bytes, &row.crc); err != nil {
			return err
		}
		want := counts[key]
		if want == nil {
			want = &tally{}
		}
		if want.highest >= next {
			found(fmt.Sprintf("a mailbox would give a UID out twice (account %d, mailbox %d, next %d)", key.account, key.id, next))
		}
		row.highest = want.highest
		if row != *want {
			found(fmt.Sprintf("a mailbox's counters differ from its messages (account %d, mailbox %d: %+v, recounted %+v)", key.account, key.id, row, *want))
		}
		return nil
	}, "SELECT account_id, id, uidnext, total, unseen, deleted, bytes, crc FROM mailbox")
}

func (w *tally) add(uid gomail.UID, message gomail.MessageID, flags gomail.Flags, size int64) {
	w.total++
	w.bytes += size
	if !flags.Has(gomail.FlagSeen) {
		w.unseen++
	}
	if flags.Has(gomail.FlagDeleted) {
		w.deleted++
	}
	w.crc ^= entryHash(uid, message)
	w.highest = max(w.highest, int64(uid))
}

// checkBodies reads every frame and holds it against its hash.
func (s *Store) checkBodies(ctx context.Context, c *conn, found func(string)) error {
	return c.query(func(rows *sql.Rows) error {
		var id int64
		var l blob.Location
		var sum []byte
		if err := rows.Scan(&id, &l.Kind, &l.Pack, &l.Offset, &l.Stored, &l.Size, &l.Codec, &sum); err != nil {
			return err
		}
		copy(l.SHA256[:], sum)
		if err := s.verify(ctx, id, l); err != nil {
			found(fmt.Sprintf("a body cannot be read (frame %d): %v", id, err))
		}
		return ctx.Err()
	}, "SELECT id, loc_kind, pack_id, off, clen, rlen, codec, sha256 FROM frame WHERE refs > 0 ORDER BY loc_kind, pack_id, off")
}
