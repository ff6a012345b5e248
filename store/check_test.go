package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/store"
)

// Each way in which rows can be wrong is found, and named.
func TestCheckFinds(t *testing.T) {
	dir, _ := stored(t)
	good, err := os.ReadFile(filepath.Join(dir, "gomail.db"))
	if err != nil {
		t.Fatal(err)
	}
	const anyMessage = "(account_id, id) IN (SELECT account_id, id FROM message LIMIT 1)"
	for change, want := range map[string]string{
		"UPDATE account SET seq = 3 WHERE id <> 0":                                                                                                        "counter is behind",
		"UPDATE account SET epoch = 7 WHERE id = (SELECT MAX(id) FROM account)":                                                                           "epoch is not the store's",
		"UPDATE account SET quota_used = quota_used + 1 WHERE id <> 0":                                                                                    "quota differs",
		"INSERT INTO acl VALUES (5, 5, 0, 0, 'l')":                                                                                                        "rights are on a mailbox that does not exist",
		"INSERT INTO acl SELECT account_id, id, 0, 0, 'lq' FROM mailbox LIMIT 1":                                                                          "rights are on a mailbox that does not exist, for nobody, or none that there are",
		"INSERT INTO acl SELECT account_id, id, 7, 0, 'l' FROM mailbox LIMIT 1":                                                                           "for nobody",
		"INSERT INTO shared_subscription SELECT account_id, account_id, 999999 FROM mailbox LIMIT 1":                                                      "at a mailbox of others that does not exist",
		"INSERT INTO shared_metadata (account_id, owner_id, mailbox_id, entry, value) SELECT 5, account_id, id, '/private/x', X'00' FROM mailbox LIMIT 1": "at a mailbox of others that does not exist",
		"DELETE FROM address":                                                                                "lacks its INBOX or its address",
		"UPDATE address SET domain_id = 5":                                                                   "leads nowhere",
		"UPDATE domain SET name = 'no domain!'":                                                              "impossible name",
		"UPDATE mailbox SET parent = id WHERE role = 'sent'":                                                 "in a ring",
		"UPDATE mailbox SET uidvalidity = 4000000000 WHERE role = 'sent'":                                    "may be given out again",
		"UPDATE mailbox SET uidvalidity = 1700000000":                                                        "share a UIDVALIDITY",
		"UPDATE mailbox SET uidnext = 3 WHERE role = 'inbox'":                                                "give a UID out twice",
		"UPDATE mailbox SET unseen = unseen + 1 WHERE role = 'inbox'":                                        "counters differ",
		"UPDATE mailbox SET crc = crc + 1 WHERE role = 'inbox'":                                              "counters differ",
		"UPDATE message SET received = received + 1 WHERE " + anyMessage:                                     "does not match its checksum",
		"UPDATE message SET env = X'00' WHERE " + anyMessage:                                                 "does not match its checksum",
		"UPDATE message SET size = size + 1 WHERE " + anyMessage:                                             "another size than its body",
		"UPDATE mailbox SET uidnext = 2 WHERE role = 'inbox'":                                                "logged as gone and may be given out again",
		"UPDATE change SET uid = uid + 40000":                                                                "log of changes cannot be read",
		"UPDATE message SET frame_id = 5 WHERE " + anyMessage:                                                "has no body",
		"UPDATE message SET frame_id = (SELECT MIN(id) FROM frame) WHERE id = (SELECT MAX(id) FROM message)": "does not match its checksum",
		"UPDATE blob SET refs = 2 WHERE id = (SELECT MAX(id) FROM blob)":                                     "a body's holders are miscounted",
		"UPDATE entry_page SET modseq = modseq + 1":                                                          "not what its row says",
		"UPDATE entry_page SET lowest = lowest - 1":                                                          "not what its row says",
		"UPDATE entry_page SET first = first - 1 WHERE first > 0":                                            "page of entries is damaged",
		"UPDATE entry_page SET entries = X'01'":                                                              "page of entries is damaged",
		"DELETE FROM entry_page":                                                                             "in no mailbox",
		"UPDATE entry_page SET mailbox_id = 999":                                                             "in a mailbox that does not exist",
		"INSERT INTO extra_entry SELECT account_id, id, 5 FROM message WHERE true ON CONFLICT (account_id, message_id) DO UPDATE SET n = 5": "a message's entries are miscounted",
		"UPDATE change SET entries = X'80'": "cannot be read",
		"UPDATE blob SET refs = 0":          "not up for collection",
		"UPDATE blob SET frame_id = 5":      "a body is nowhere",
		"DELETE FROM blob_gc":               "a frame's holders are miscounted",
		"UPDATE blob_gc SET frame_id = 5":   "a body is nowhere",
		"UPDATE blob_gc SET (account_id, id) = (SELECT account_id, id FROM message LIMIT 1) WHERE id = (SELECT MIN(id) FROM blob_gc)": "up for collection and in use",
		"UPDATE frame SET refs = refs + 1 WHERE id = (SELECT MAX(id) FROM frame)":                                                     "a frame's holders are miscounted",
		"UPDATE frame SET off = off + 1 WHERE id = (SELECT MIN(id) FROM frame)":                                                       "cannot be read",
		"UPDATE frame SET loc_kind = 3 WHERE id = (SELECT MIN(id) FROM frame)":                                                        "impossible place",
		"UPDATE pack SET live = live - 1":                                                                                             "live octets are miscounted",
		"UPDATE pack SET bytes = bytes - 1":                                                                                           "behind the end of its pack",
		"UPDATE pack SET bytes = bytes + 1":                                                                                           "is cut short",
		"DELETE FROM pack":                                                                                                            "has frames and no row",
		"DELETE FROM qrcpt":                                                                                                           "no recipient",
		"DELETE FROM qmsg":                                                                                                            "has no message",
		"UPDATE qrcpt SET status = 9":                                                                                                 "impossible slot, state or time",
		"UPDATE qmsg SET size = 1":                                                                                                    "another size than it",
		"UPDATE qrcpt SET rcpt = 'nobody'":                                                                                            "no readable recipient",
	} {
		for _, rest := range []string{"-wal", "-shm"} {
			os.Remove(filepath.Join(dir, "gomail.db"+rest))
		}
		if err := os.WriteFile(filepath.Join(dir, "gomail.db"), good, 0o600); err != nil {
			t.Fatal(err)
		}
		alter(t, filepath.Join(dir, "gomail.db"), change)
		s := open(t, dir)
		if all := problems(t, s); !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: found %q, want %q", change, all, want)
		}
		s.Close()
	}
}

// Entries that are well stored and not true are found, and named.
func TestCheckFindsEntries(t *testing.T) {
	dir, _ := stored(t)
	good, err := os.ReadFile(filepath.Join(dir, "gomail.db"))
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func([]mailbox.Entry) []mailbox.Entry{
		"size or date is not its message's: ":  func(all []mailbox.Entry) []mailbox.Entry { all[0].Size++; return all },
		"size or date is not its message's: 0": func(all []mailbox.Entry) []mailbox.Entry { all[0].Received = 0; return all },
		"changed after its mailbox":            func(all []mailbox.Entry) []mailbox.Entry { all[0].ModSeq = 99999999; return all },
		"before it existed":                    func(all []mailbox.Entry) []mailbox.Entry { all[0].ModSeq = 0; return all },
		"in no mailbox":                        func(all []mailbox.Entry) []mailbox.Entry { return all[1:] },
		"counters differ":                      func(all []mailbox.Entry) []mailbox.Entry { all[0].Flags ^= gomail.FlagSeen; return all },
		"a message that does not exist":        func(all []mailbox.Entry) []mailbox.Entry { all[0].Message = 77777; return all },
		"a message's entries are miscounted": func(all []mailbox.Entry) []mailbox.Entry {
			again := all[len(all)-1]
			again.UID++
			return append(all, again)
		},
	} {
		for _, rest := range []string{"-wal", "-shm"} {
			os.Remove(filepath.Join(dir, "gomail.db"+rest))
		}
		if err := os.WriteFile(filepath.Join(dir, "gomail.db"), good, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := store.AlterEntries(filepath.Join(dir, "gomail.db"), change); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		want, _, _ = strings.Cut(want, ":")
		if all := problems(t, s); !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("found %q, want %q", all, want)
		}
		s.Close()
	}
}

func alter(t *testing.T, path, change string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Exec(change)
	if err != nil {
		t.Fatalf("%s: %v", change, err)
	}
	if n, _ := r.RowsAffected(); n == 0 {
		t.Fatalf("%s changes nothing", change)
	}
}

// Files are held against the rows: one that is gone, one that nobody names,
// one that is not ours.
func TestCheckFindsFiles(t *testing.T) {
	dir, _ := stored(t)
	s := open(t, dir)
	clean(t, s)
	old := time.Now().Add(-48 * time.Hour)
	for name, want := range map[string]string{
		"packs/00000099.pack": "has no row", "objects/00000000/0000000000000bad": "has no row", "packs/00000001.pack~": "not one of ours",
	} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
		if want == "has no row" {
			if all := problems(t, s); len(all) > 0 {
				t.Errorf("%s is young, and found: %q", name, all)
			}
		}
		os.Chtimes(path, old, old)
		if all := problems(t, s); len(all) != 1 || !strings.Contains(all[0], want) {
			t.Errorf("%s: found %q", name, all)
		}
		os.Remove(path)
	}
	if err := os.Remove(filepath.Join(dir, "packs", "00000001.pack")); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(problems(t, s), "\n"); !strings.Contains(all, "a pack's file is missing") || !strings.Contains(all, "cannot be read") {
		t.Errorf("without its pack: %s", all)
	}
}
