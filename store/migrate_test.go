package store_test

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/mailbox"
	"gomail/queue"
	"gomail/store"
)

// A store from before messages named their frames is converted when it is
// opened: check finds nothing, every body reads as before, and what waited for
// collection still does.
func TestMessagesGetTheirFrames(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	p := newPeople(t, s, 4)
	fillForMigration(t, p)
	clean(t, s)
	if _, err := s.Collect(t.Context(), time.Now().Add(-time.Hour)); err != nil { // which ends removals
		t.Fatal(err)
	}
	messages, queued := contents(t, s, p.accounts[:3]), queuedContents(t, s)
	s.Close()
	path := filepath.Join(dir, "gomail.db")
	downgrade(t, path)
	waiting := number(t, path, "SELECT COUNT(*) FROM blob_gc")

	s = open(t, dir)
	clean(t, s)
	if got := contents(t, s, p.accounts[:3]); len(got) != len(messages) || len(messages) < 50 {
		t.Errorf("%d messages, before %d", len(got), len(messages))
	} else {
		same(t, got, messages)
	}
	same(t, queuedContents(t, s), queued)
	if done, err := s.Collect(t.Context(), time.Now().Add(-time.Hour)); err != nil || done.Bodies != 0 {
		t.Errorf("what was given up just now is collected: %+v, %v", done, err)
	}
	if done, err := s.Collect(t.Context(), time.Now().Add(time.Minute)); err != nil || int64(done.Bodies) != waiting || waiting < 10 {
		t.Errorf("it collected %+v, %v; %d were waiting", done, err, waiting)
	}
	clean(t, s)
	same(t, contents(t, s, p.accounts[:3]), messages)
	s.Close()

	alter(t, path, "UPDATE message SET env = X'01' WHERE (account_id, id) IN (SELECT account_id, id FROM message WHERE sum <> 0 LIMIT 1)")
	if all := problems(t, open(t, dir)); !strings.Contains(strings.Join(all, "\n"), "does not match its checksum") {
		t.Errorf("the old checksums say nothing any more: %q", all)
	}
}

// fillForMigration makes messages with one and several holders of their body,
// in packs and objects, copied, moved, expunged; queued ones with a sender of
// ours and without; and removes the fourth account with its mail.
func fillForMigration(t *testing.T, p *people) {
	t.Helper()
	for i := range 60 {
		body := p.s.Stage()
		size := 300 + i*50
		if i%20 == 19 {
			size = 2 << 20
		}
		body.Write(bytes.Repeat([]byte(fmt.Sprintf("This is line %d of its message.\r\n", i)), size/30))
		d := inbound.Delivery{Body: body, Index: bytes.Repeat([]byte{byte(i)}, 300)}
		for n := range 1 + i%3 {
			d.Messages = append(d.Messages, inbound.Incoming{Account: p.accounts[(i+n)%4], Role: gomail.RoleInbox, Received: time.Now(), Prefix: []byte("X: y\r\n")})
		}
		if i%10 == 0 {
			to := gomail.Recipient{Address: gomail.Address{Local: "joe", Domain: "remote.test"}}
			for slot := range 1 + i/20 {
				d.Queue = append(d.Queue, queue.Message{Key: queue.Key{Slot: slot}, Prefix: []byte("Q: z\r\n"), Rcpts: []queue.Recipient{{Recipient: to, Site: "remote.test"}}})
				d.Queue[slot].Account = p.accounts[0] * gomail.AccountID(i/10%2)
			}
		}
		if err := p.s.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		body.Close()
	}
	appendMessage(t, p.s, p.accounts[0], p.archives[0], []byte("appended"))
	if _, err := p.s.CopyMessages(t.Context(), within(p.accounts[0], p.inboxes[0], p.archives[0], []gomail.UID{4, 5})); err != nil {
		t.Fatal(err)
	}
	if _, err := p.s.MoveMessages(t.Context(), within(p.accounts[2], p.inboxes[2], p.archives[2], []gomail.UID{1, 2})); err != nil {
		t.Fatal(err)
	}
	if _, err := p.s.SetFlags(t.Context(), p.accounts[1], p.inboxes[1], []gomail.UID{7}, mailbox.FlagChange{Flags: gomail.FlagSeen, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	expunge(t, p.s, p.accounts[0], p.inboxes[0], []gomail.UID{1, 4})
	expunge(t, p.s, p.accounts[1], p.inboxes[1], []gomail.UID{1, 2, 3})
	if err := p.s.RemoveAccount(t.Context(), p.accounts[3]); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, s *store.Store, accounts []gomail.AccountID) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	readAll(t, s, accounts, func(key string, b []byte, err error) {
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		all[key] = b
	})
	return all
}

func queuedContents(t *testing.T, s *store.Store) map[string][]byte {
	t.Helper()
	list, err := s.List(t.Context(), queue.Key{}, 1000)
	if err != nil || len(list) < 6 {
		t.Fatalf("%d queued, %v", len(list), err)
	}
	all := map[string][]byte{}
	for _, m := range list {
		c, err := s.QueueContent(t.Context(), m.Key)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(m.Key)] = b
	}
	return all
}

func same(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	for key := range want {
		if !bytes.Equal(got[key], want[key]) || len(want[key]) == 0 {
			t.Errorf("%s is not what it was", key)
		}
	}
}

// oldSchema is the last one with a blob for every message.
const oldSchema = 7

// downgrade makes a database of the old schema out of a present one: the rows
// are the same, and a blob stands between message and frame.
func downgrade(t *testing.T, path string) {
	t.Helper()
	newer := path + ".new"
	if err := os.Rename(path, newer); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := db.Exec(text, args...); err != nil {
			t.Fatalf("%.200s: %v", text, err)
		}
	}
	files, _ := filepath.Glob("migrations/*.sql")
	for _, file := range files[:oldSchema] {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		exec(strings.ReplaceAll(string(text), "/*clustered*/", "WITHOUT ROWID"))
	}
	exec("ATTACH ? AS newer", newer)
	exec("CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))")
	exec("INSERT INTO goose_db_version SELECT * FROM newer.goose_db_version WHERE version_id <= ?", oldSchema)
	tables, err := strings1(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ('goose_db_version', 'message', 'blob', 'blob_gc', 'msg_mailbox', 'change') AND name IN (SELECT name FROM newer.sqlite_master)")
	if err != nil || len(tables) < 15 {
		t.Fatal(tables, err)
	}
	for _, table := range tables {
		columns, err := strings1(db, "SELECT name FROM pragma_table_info('"+table+"')")
		if err != nil {
			t.Fatal(err)
		}
		list := strings.Join(columns, ", ")
		exec("DELETE FROM " + table)
		exec("INSERT INTO " + table + " (" + list + ") SELECT " + list + " FROM newer." + table)
	}
	if err := store.UnpackEntries(db); err != nil {
		t.Fatal(err)
	}
	exec("INSERT INTO message SELECT account_id, id, id, prefix, size, received, env, 0 FROM newer.message")
	exec("INSERT INTO blob SELECT account_id, id, frame_id, 1 FROM newer.message UNION ALL SELECT account_id, id, frame_id, refs FROM newer.blob UNION ALL SELECT account_id, id, frame_id, 0 FROM newer.blob_gc")
	exec("INSERT INTO blob_gc SELECT account_id, id, at FROM newer.blob_gc")
	oldSums(t, db)
}

// oldSums gives every second message the checksum that it had in the old
// schema; the others are older than checksums.
func oldSums(t *testing.T, db *sql.DB) {
	t.Helper()
	type row struct{ account, id, blob, size, received int64 }
	sums := map[row]int64{}
	rows, err := db.Query("SELECT account_id, id, blob_id, size, received, prefix, env FROM message WHERE id % 2 = 0")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var r row
		var prefix, index []byte
		if err := rows.Scan(&r.account, &r.id, &r.blob, &r.size, &r.received, &prefix, &index); err != nil {
			t.Fatal(err)
		}
		var b []byte
		for _, v := range []int64{r.account, r.id, r.blob, r.size, r.received, int64(len(prefix))} {
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
		sums[r] = 1<<32 | int64(crc32.Checksum(append(append(b, prefix...), index...), crc32.MakeTable(crc32.Castagnoli)))
	}
	rows.Close()
	for r, sum := range sums {
		if _, err := db.Exec("UPDATE message SET sum = ? WHERE account_id = ? AND id = ?", sum, r.account, r.id); err != nil {
			t.Fatal(err)
		}
	}
	if len(sums) < 10 {
		t.Fatalf("%d checksums", len(sums))
	}
}

func number(t *testing.T, path, query string) (n int64) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
