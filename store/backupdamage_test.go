package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/store"
)

// Where the data directory rots, the backup keeps the good copy that it has;
// where the backup rots, it is copied anew. Both are said.
func TestBackupNoticesDamage(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 1)
	for i := range 5 {
		p.deliver(t.Context(), 0, fmt.Sprintf("m%d", i), 5000, false)
	}
	to := filepath.Join(t.TempDir(), "backup")
	backUp(t, s, to)
	for name, place := range map[string]string{"in the data directory is damaged": s.Dir(), "was damaged; it was copied anew": to} {
		path := filepath.Join(place, "packs", "00000001.pack")
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(good, "\x00")) // behind it the pack is reserved
		for _, at := range []int{3, 200, used / 2, used - 1} {
			damage(t, path, good, at)
			p.deliver(t.Context(), 0, fmt.Sprintf("%s%d", name[:3], at), 5000, false)
			r, err := s.Backup(t.Context(), store.BackupOptions{To: to})
			if err != nil || len(r.Problems) == 0 || !strings.Contains(strings.Join(r.Problems, " "), name) {
				t.Errorf("%s, octet %d: %q, %v", name, at, r.Problems, err)
			}
			restored, _ := restore(t, to)
			clean(t, restored)
			restored.Close()
			grown, err := os.ReadFile(path)
			if err == nil {
				grown[at] = good[at]
				os.WriteFile(path, grown, 0o600)
				good = grown
			}
			if place == to {
				backUp(t, s, to)
				path = filepath.Join(to, findStored(t, to, "packs/00000001.pack"))
				if good, err = os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A pack is saved as far as its row says, also where what stands at its end
// was collected.
func TestBackupOfAPackWithADeadEnd(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 1)
	for i := range 4 {
		if err := p.deliver(t.Context(), 0, fmt.Sprintf("m%d", i), 3000, false); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "backup")
	for _, from := range []gomail.UID{4, 1} { // the last, then all
		snap, err := s.Snapshot(t.Context(), p.accounts[0], p.inboxes[0])
		if err != nil {
			t.Fatal(err)
		}
		var uids []gomail.UID
		for _, e := range snap.Entries {
			if e.UID >= from {
				uids = append(uids, e.UID)
			}
		}
		if _, err := s.SetFlags(t.Context(), p.accounts[0], p.inboxes[0], uids, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Expunge(t.Context(), p.accounts[0], p.inboxes[0], uids); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Collect(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		backUp(t, s, to)
		restored, _ := restore(t, to)
		clean(t, restored)
	}
}
