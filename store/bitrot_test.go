package store_test

import (
	"bytes"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"gomail"
	"gomail/inbound"
	"gomail/mailbox"
	"gomail/queue"
	"gomail/store"
)

var rotRounds = flag.Int("rot", 150, "how many octets of a database TestBitRotInDatabase damages")

// stored is a closed store with some of everything.
func stored(t *testing.T) (dir string, accounts []gomail.AccountID) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	p := newPeople(t, s, 3)
	for i := range 60 {
		body := s.Stage()
		size := 300 + i*50
		if i%20 == 19 {
			size = 2 << 20
		}
		body.Write(content(fmt.Sprintf("m%d", i), size))
		d := inbound.Delivery{Body: body, Index: bytes.Repeat([]byte{byte(i)}, 300), Messages: []inbound.Incoming{
			{Account: p.accounts[i%3], Role: gomail.RoleInbox, Received: time.Now(), Prefix: []byte("X: y\r\n")},
		}}
		if i%10 == 0 {
			to := gomail.Recipient{Address: gomail.Address{Local: "joe", Domain: "remote.test"}}
			d.Queue = []queue.Message{{Key: queue.Key{Slot: i}, Rcpts: []queue.Recipient{{Recipient: to, Site: "remote.test"}}}}
		}
		if err := s.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		body.Close()
	}
	uids := []gomail.UID{1, 2, 3}
	if _, err := s.SetFlags(t.Context(), p.accounts[0], p.inboxes[0], uids, mailbox.FlagChange{Flags: gomail.FlagSeen, Keywords: []string{"work"}, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	expunge(t, s, p.accounts[1], p.inboxes[1], uids)
	if _, err := s.Collect(t.Context(), time.Time{}); err != nil { // the messages' rows are gone, their bodies not
		t.Fatal(err)
	}
	clean(t, s)
	s.Close()
	return dir, p.accounts
}

func problems(t *testing.T, s *store.Store) (all []string) {
	t.Helper()
	if err := s.Check(t.Context(), func(p string) { all = append(all, p) }); err != nil {
		all = append(all, err.Error())
	}
	return all
}

// Wherever an octet of a stored body rots, check names it, and reading serves
// an error, never garbage.
func TestBitRotInBodies(t *testing.T) {
	dir, accounts := stored(t)
	s := open(t, dir)
	whole := map[string][]byte{}
	readAll(t, s, accounts, func(key string, b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		whole[key] = b
	})
	var files []string
	for _, pattern := range []string{"packs/*.pack", "objects/*/*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		files = append(files, found...)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		path := files[r.IntN(len(files))]
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := r.IntN(len(good))
		damage(t, path, good, at)
		if len(problems(t, s)) == 0 {
			t.Errorf("octet %d of %s rotted, and check finds nothing", at, path)
		}
		readAll(t, s, accounts, func(key string, b []byte, err error) {
			if err == nil && !bytes.Equal(b, whole[key]) {
				t.Errorf("octet %d of %s rotted, and %s is served as something else", at, path, key)
			}
			if err != nil && gomail.KindOf(err) != gomail.Corrupt {
				t.Errorf("octet %d of %s rotted, and reading says %v", at, path, err)
			}
		})
		os.WriteFile(path, good, 0o600)
	}
	clean(t, s)
}

// readAll reads every message, by account and mailbox and UID.
func readAll(t *testing.T, s *store.Store, accounts []gomail.AccountID, each func(key string, content []byte, err error)) {
	t.Helper()
	for _, account := range accounts {
		boxes, err := s.Mailboxes(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		for _, box := range boxes {
			snap, err := s.Snapshot(t.Context(), account, box.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range snap.Entries {
				var b []byte
				c, err := s.Content(t.Context(), account, e.Message)
				if err == nil {
					b, err = io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
					c.Close()
				}
				each(fmt.Sprintf("%d/%d/%d", account, box.ID, e.UID), b, err)
			}
		}
	}
}

// witnessed are the columns of which the store has a second witness: whatever
// rots there is found. What rots in the others (a name, a password's hash, a
// setting, \Flagged, a keyword, the time of a next attempt) can look as good as
// what was there.
var witnessed = strings.Fields(`message.account_id message.id message.frame_id message.prefix message.size message.received message.env message.sum
	entry_page.account_id entry_page.mailbox_id entry_page.first entry_page.modseq entry_page.lowest entry_page.highest entry_page.entries extra_entry.account_id change.entries
	extra_entry.message_id extra_entry.n blob.account_id blob.id blob.frame_id blob.refs blob_gc.frame_id
	frame.id frame.loc_kind frame.pack_id frame.off frame.clen frame.rlen frame.codec frame.sha256 frame.refs pack.id pack.live
	mailbox.account_id mailbox.id mailbox.total mailbox.unseen mailbox.deleted mailbox.bytes mailbox.crc account.id account.quota_used
	qmsg.account_id qmsg.blob_id qmsg.size address.domain_id address.account_id rows`)

// An octet of the database's file rots: check finds it, unless it is in a
// place that holds nothing, or in a value of which the store has no second
// witness.
func TestBitRotInDatabase(t *testing.T) {
	dir, _ := stored(t)
	good, err := os.ReadFile(filepath.Join(dir, "gomail.db"))
	if err != nil {
		t.Fatal(err)
	}
	before := dump(t, filepath.Join(dir, "gomail.db"))
	copied := t.TempDir()
	for _, sub := range []string{"packs", "objects"} {
		if err := os.CopyFS(filepath.Join(copied, sub), os.DirFS(filepath.Join(dir, sub))); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(copied, "gomail.db")
	r := rand.New(rand.NewPCG(5, 6))
	count, missed := map[string]int{}, map[string]int{}
	for range *rotRounds {
		for _, rest := range []string{"-wal", "-shm"} {
			os.Remove(path + rest)
		}
		at := r.IntN(len(good))
		damage(t, path, good, at)
		after := dump(t, path)
		s, err := store.Open(t.Context(), store.Options{Dir: copied})
		switch {
		case err != nil:
			count["not opened"]++
			continue
		case len(problems(t, s)) > 0:
			count["found"]++
		case slices.Equal(before, after):
			count["harmless"]++
		default:
			count["missed"]++
			missed[difference(before, after)]++
		}
		s.Close()
	}
	t.Log(count, missed)
	for where := range missed {
		if slices.Contains(witnessed, where) {
			t.Errorf("damage in %s is not found", where)
		}
	}
}

// dump returns every value of a database, each with its table and column, whose
// names are the same in any case (a bit of the schema's text makes an id an Id).
func dump(t *testing.T, path string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?immutable=1&mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables, err := strings1(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
	if err != nil {
		return []string{err.Error()}
	}
	for _, table := range tables {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			return append(all, err.Error())
		}
		columns, _ := rows.Columns()
		for n := 0; rows.Next(); n++ {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				all = append(all, err.Error())
			}
			for i, v := range values {
				all = append(all, fmt.Sprintf("%s %d %v", strings.ToLower(table+"."+columns[i]), n, *v.(*any)))
			}
		}
		if err := rows.Err(); err != nil {
			all = append(all, err.Error())
		}
		rows.Close()
	}
	return all
}

func strings1(db *sql.DB, query string) (all []string, err error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// difference names the first column that differs.
func difference(a, b []string) string {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return strings.Fields(a[i])[0]
		}
	}
	return "rows"
}
