package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Check holds everything that is stored against what must be true of it, and
// calls found for every broken invariant. The rows are read as they are at one
// moment, then every body is. It may run beside a serving store: what moved or
// went meanwhile is not a problem.
func (s *Store) Check(ctx context.Context, found func(problem string)) error {
	var packs map[int64]*packTally
	err := s.read(ctx, func(c *conn) (err error) {
		packs, err = checkTables(ctx, c, found)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.checkFiles(ctx, packs, found); err != nil {
		return err
	}
	return s.checkBodies(ctx, found)
}

// checkTables holds the rows against every invariant, and returns what they say
// of the packs.
func checkTables(ctx context.Context, c *conn, found func(problem string)) (map[int64]*packTally, error) {
	if err := checkInvariants(ctx, c, found); err != nil {
		return nil, err
	}
	holds, err := checkAccounts(c, found)
	if err != nil {
		return nil, err
	}
	if err := checkMailboxes(c, found); err != nil {
		return nil, err
	}
	if err := checkEntries(ctx, c, found); err != nil {
		return nil, err
	}
	if err := checkTexts(c, found); err != nil {
		return nil, err
	}
	return checkFrames(c, holds, found)
}

func checkInvariants(ctx context.Context, c *conn, found func(string)) error {
	for _, i := range invariants {
		if err := places(c, found, i.problem, i.query); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// places tells of a problem wherever a query says it is.
func places(c *conn, found func(string), problem, query string, args ...any) error {
	err := c.query(func(rows *sql.Rows) error {
		var where string
		err := rows.Scan(&where)
		found(problem + " (" + where + ")")
		return err
	}, query, args...)
	if err != nil {
		return fmt.Errorf("check that not: %s: %w", problem, err)
	}
	return nil
}

// invariants are queries that return a row, which says where, for every
// place in which a rule is broken. Each goes through its tables once and looks
// others up by their keys, so that they take as long as there is mail.
var invariants = []struct{ problem, query string }{
	{"the database is damaged", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},

	{"an account's counter is behind what it has numbered",
		`SELECT 'account ' || a.id FROM account a WHERE a.seq < a.log_floor OR a.seq < (SELECT COALESCE(MAX(modseq), 0) FROM mailbox WHERE account_id = a.id)
		 OR a.seq < (SELECT COALESCE(MAX(id), 0) FROM mailbox WHERE account_id = a.id) OR a.seq < (SELECT COALESCE(MAX(id), 0) FROM message WHERE account_id = a.id)
		 OR a.seq < (SELECT COALESCE(MAX(id), 0) FROM blob WHERE account_id = a.id) OR a.seq < (SELECT COALESCE(MAX(id), 0) FROM blob_gc WHERE account_id = a.id) OR a.seq < (SELECT COALESCE(MAX(seq), 0) FROM change WHERE account_id = a.id)`},
	{"an account's epoch is not the store's",
		"SELECT 'account ' || a.id || ' has ' || a.epoch FROM account a WHERE a.epoch <> COALESCE((SELECT epoch FROM account WHERE id = 0), -1)"},
	{"the store's own account is missing", "SELECT 'account 0' WHERE NOT EXISTS (SELECT 1 FROM account WHERE id = 0)"},
	{"an account lacks its INBOX or its address",
		"SELECT 'account ' || a.id FROM account a WHERE a.id <> 0 AND ((SELECT COUNT(*) FROM mailbox m WHERE m.account_id = a.id AND m.role = 'inbox') <> 1 OR (SELECT COUNT(*) FROM address r WHERE r.account_id = a.id AND r.is_alias = 0) <> 1)"},
	{"an address leads nowhere",
		"SELECT r.local || ' of domain ' || r.domain_id FROM address r WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = r.account_id) OR NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = r.domain_id)"},
	{"an alias leads outside from nowhere, or from an account",
		"SELECT f.local || ' of domain ' || f.domain_id FROM forward f WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = f.domain_id) OR EXISTS (SELECT 1 FROM address r WHERE r.domain_id = f.domain_id AND r.local = f.local AND r.is_alias = 0)"},
	{"a mailing list is of a domain that does not exist, or its address is in use",
		"SELECT l.local || ' of domain ' || l.domain_id FROM list l WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = l.domain_id) OR EXISTS (SELECT 1 FROM address r WHERE r.domain_id = l.domain_id AND r.local = l.local) OR EXISTS (SELECT 1 FROM forward f WHERE f.domain_id = l.domain_id AND f.local = l.local)"},
	{"a member or a post is of a list that does not exist, or a member's number may be given out again",
		"SELECT 'list ' || m.list_id || ', member ' || m.n FROM list_member m LEFT JOIN list l ON l.id = m.list_id WHERE l.id IS NULL OR m.n < 1 OR m.n >= l.next_member OR m.status NOT IN ('active', 'unsubscribed', 'bouncing', 'complained') OR m.bounces < 0 UNION SELECT 'list ' || p.list_id || ', post ' || p.digest FROM list_post p WHERE NOT EXISTS (SELECT 1 FROM list l WHERE l.id = p.list_id)"},
	{"a DKIM key is of a domain that does not exist", "SELECT k.selector FROM dkim_key k WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = k.domain_id)"},
	{"an account manages a domain, and one of them does not exist",
		"SELECT 'account ' || m.account_id FROM domain_admin m WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = m.account_id) OR NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = m.domain_id)"},

	{"rows are of an account that does not exist",
		`SELECT 'account ' || id FROM (SELECT DISTINCT account_id AS id FROM mailbox UNION SELECT DISTINCT account_id FROM entry_page UNION SELECT DISTINCT account_id FROM extra_entry UNION SELECT DISTINCT account_id FROM change
		 UNION SELECT DISTINCT account_id FROM blob UNION SELECT DISTINCT account_id FROM qmsg UNION SELECT DISTINCT account_id FROM session UNION SELECT account_id FROM sending_limit UNION SELECT DISTINCT account_id FROM sent
		 UNION SELECT account_id FROM scram UNION SELECT DISTINCT account_id FROM app_password UNION SELECT account_id FROM totp UNION SELECT DISTINCT account_id FROM recovery_code UNION SELECT DISTINCT account_id FROM passkey)
		 WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = id)`},
	{"a mailbox is below one that does not exist, or in a ring",
		`WITH RECURSIVE reached(account_id, id) AS (SELECT account_id, id FROM mailbox WHERE parent = 0
		 UNION SELECT m.account_id, m.id FROM reached r JOIN mailbox m ON m.account_id = r.account_id AND m.parent = r.id)
		 SELECT 'account ' || account_id || ', mailbox ' || id FROM (SELECT account_id, id FROM mailbox EXCEPT SELECT account_id, id FROM reached)`},
	{"a mailbox has a UIDVALIDITY that may be given out again",
		"SELECT 'account ' || m.account_id || ', mailbox ' || m.id FROM mailbox m JOIN account a ON a.id = m.account_id WHERE m.uidvalidity > a.uidvalidity_floor OR m.uidvalidity <= 0 OR m.uidvalidity > 4294967295"},
	{"two mailboxes of an account share a UIDVALIDITY",
		"SELECT 'account ' || account_id || ', UIDVALIDITY ' || uidvalidity FROM mailbox GROUP BY account_id, uidvalidity HAVING COUNT(*) > 1"},
	{"entries are in a mailbox that does not exist",
		`SELECT 'account ' || account_id || ', mailbox ' || mailbox_id FROM (SELECT DISTINCT account_id, mailbox_id FROM entry_page) e
		 WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.account_id = e.account_id AND m.id = e.mailbox_id)`},
	{"the log of changes has an entry of an unknown kind, or none where there should be some",
		"SELECT 'account ' || account_id || ', sequence ' || seq FROM change WHERE op NOT IN (1, 2, 3) OR op = 2 AND (uid <> 0 OR LENGTH(entries) <> 0) OR op <> 2 AND (uid < 1 OR LENGTH(entries) = 0)"},

	{"a message that does not exist is in a thread, or a thread has no message",
		`SELECT 'account ' || t.account_id || ', message ' || t.message_id FROM message_thread t WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = t.account_id AND m.id = t.message_id)
		 UNION SELECT 'account ' || r.account_id || ', thread ' || r.thread_id FROM thread_ref r WHERE NOT EXISTS (SELECT 1 FROM message_thread t WHERE t.account_id = r.account_id AND t.thread_id = r.thread_id)`},
	{"rights are on a mailbox that does not exist, for nobody, or none that there are",
		`SELECT 'account ' || g.account_id || ', mailbox ' || g.mailbox_id FROM acl g WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.account_id = g.account_id AND m.id = g.mailbox_id)
		 OR g.grantee_id <> 0 AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = g.grantee_id) OR g.grantee_id = g.account_id OR g.negative NOT IN (0, 1) OR g.rights = '' OR TRIM(g.rights, 'lrswipkxtea') <> ''`},
	{"an account keeps something at a mailbox of others that does not exist",
		`SELECT 'account ' || s.account_id || ', mailbox ' || s.mailbox_id || ' of account ' || s.owner_id FROM (SELECT account_id, owner_id, mailbox_id FROM shared_subscription UNION SELECT account_id, owner_id, mailbox_id FROM shared_metadata) s
		 WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = s.account_id) OR NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.account_id = s.owner_id AND m.id = s.mailbox_id)`},

	{"a body that nobody holds is not up for collection",
		"SELECT 'account ' || account_id || ', body ' || id FROM blob WHERE refs = 0"},
	{"a body is up for collection and in use",
		`SELECT 'account ' || g.account_id || ', body ' || g.id FROM blob_gc g WHERE EXISTS (SELECT 1 FROM blob b WHERE b.account_id = g.account_id AND b.id = g.id)
		 OR EXISTS (SELECT 1 FROM message m WHERE m.account_id = g.account_id AND m.id = g.id)`},
	{"a body is nowhere",
		`SELECT 'account ' || account_id || ', body ' || id FROM (SELECT account_id, id, frame_id FROM blob UNION ALL SELECT account_id, id, frame_id FROM blob_gc) b
		 WHERE NOT EXISTS (SELECT 1 FROM frame f WHERE f.id = b.frame_id)`},
	{"a body has an impossible place",
		"SELECT 'frame ' || id FROM frame WHERE loc_kind NOT IN (1, 2) OR loc_kind = 2 AND (pack_id <> 0 OR off <> 0) OR off < 0 OR clen < 69 OR rlen < 0 OR LENGTH(sha256) <> 32 OR refs < 0"},

	{"a queued recipient has no message", "SELECT 'slot ' || r.slot || ', message ' || r.msg_id FROM qrcpt r WHERE NOT EXISTS (SELECT 1 FROM qmsg m WHERE m.slot = r.slot AND m.id = r.msg_id)"},
	{"a queued message has no recipient", "SELECT 'slot ' || m.slot || ', message ' || m.id FROM qmsg m WHERE NOT EXISTS (SELECT 1 FROM qrcpt r WHERE r.slot = m.slot AND r.msg_id = m.id)"},
	{"a queued message has an impossible slot, state or time",
		`SELECT 'slot ' || m.slot || ', message ' || m.id FROM qmsg m JOIN qrcpt r ON r.slot = m.slot AND r.msg_id = m.id
		 WHERE m.slot NOT BETWEEN 0 AND 255 OR r.status NOT IN (0, 1) OR r.attempts < 0 OR r.delayed NOT IN (0, 1) OR r.late NOT IN (0, 1) OR m.by_return NOT IN (0, 1) OR m.by_trace NOT IN (0, 1) OR m.tls NOT IN (0, 1, 2) OR m.release_at < 0 OR m.smtputf8 NOT IN (0, 1) OR m.eightbit NOT IN (0, 1)`},
	{"a queued message has no body, or another size than it",
		`SELECT 'slot ' || q.slot || ', message ' || q.id FROM qmsg q LEFT JOIN blob b ON b.account_id = q.account_id AND b.id = q.blob_id LEFT JOIN frame f ON f.id = b.frame_id
		 WHERE f.id IS NULL OR q.size <> LENGTH(q.prefix) + f.rlen`},
	{"an account's count of what it sent, or its limit, is impossible",
		`SELECT 'account ' || account_id FROM sent WHERE messages < 1 OR recipients < messages UNION
		 SELECT 'account ' || account_id FROM sending_limit WHERE messages_hour < -1 OR messages_day < -1 OR recipients_hour < -1 OR recipients_day < -1`},
	{"a lease is of nobody or of no time", "SELECT name FROM lease WHERE token < 0 OR expires < 0 OR name = ''"},
}
