package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/store"
)

// filled is a store with an account whose INBOX holds messages of a size.
func filled(t *testing.T, s *store.Store, n, size int) (gomail.AccountID, gomail.MailboxID) {
	t.Helper()
	s.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil)
	a, err := s.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: "anna", Domain: "example.com"}}, "x")
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := s.Mailboxes(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		appendMessage(t, s, a.ID, boxes[0].ID, text(i, size))
	}
	return a.ID, boxes[0].ID
}

// text is content that does not compress well and tells which it is.
func text(i, size int) []byte {
	b := make([]byte, size)
	x := uint32(i + 1)
	for j := range b {
		x = x*1664525 + 1013904223
		b[j] = byte(x >> 24)
	}
	copy(b, fmt.Sprintf("message %d ", i))
	return b
}

func appendMessage(t *testing.T, s *store.Store, account gomail.AccountID, box gomail.MailboxID, content []byte) {
	t.Helper()
	body := s.Stage()
	defer body.Close()
	if _, err := body.Write(content); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AppendMessages(t.Context(), account, box, []mailbox.Append{{Body: body}}); err != nil {
		t.Fatal(err)
	}
}

// expunge removes messages for good.
func expunge(t *testing.T, s *store.Store, account gomail.AccountID, box gomail.MailboxID, uids []gomail.UID) {
	t.Helper()
	if _, err := s.SetFlags(t.Context(), account, box, uids, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Expunge(t.Context(), account, box, uids); err != nil {
		t.Fatal(err)
	}
}

func diskUse(t *testing.T, dir string) (total int64) {
	t.Helper()
	for _, sub := range []string{"packs", "objects"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d os.DirEntry, err error) error {
			if info, infoErr := d.Info(); err == nil && infoErr == nil && !d.IsDir() {
				total += info.Size()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return total
}

func clean(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Check(context.Background(), func(p string) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}

// What was expunged gives its space back after the undelete window, packs and
// objects; what was not reads as before.
func TestCollectGivesSpaceBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	account, box := filled(t, s, 40, 50_000)
	appendMessage(t, s, account, box, text(40, 3<<20))
	appendMessage(t, s, account, box, text(41, 3<<20))
	var gone []gomail.UID
	for uid := gomail.UID(1); uid <= 30; uid++ {
		gone = append(gone, uid)
	}
	expunge(t, s, account, box, append(gone, 42))
	before := diskUse(t, dir)

	if done, err := s.Collect(t.Context(), time.Now().Add(-store.UndeleteWindow)); err != nil || done.Bodies != 0 {
		t.Errorf("within the undelete window it collected %+v, %v", done, err)
	}
	s.Close()
	s = open(t, dir) // so that the pack is no longer the one being written
	appendMessage(t, s, account, box, []byte("new"))
	done, err := s.Collect(t.Context(), time.Now().Add(time.Minute))
	if err != nil || done.Bodies != 31 || done.Objects != 1 || done.Packs != 1 {
		t.Errorf("it collected %+v, %v", done, err)
	}
	if after := diskUse(t, dir); after > before-30*50_000-(3<<20)+500_000 {
		t.Errorf("%d octets are in use, before %d", after, before)
	}
	snap, err := s.Snapshot(t.Context(), account, box)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range snap.Entries[:11] {
		c, err := s.Content(t.Context(), account, e.Message)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		c.Close()
		size := 50_000
		if e.UID == 41 {
			size = 3 << 20
		}
		if err != nil || !bytes.Equal(got, text(int(e.UID)-1, size)) {
			t.Errorf("message %d is not what it was: %v", e.UID, err)
		}
	}
	clean(t, s)
	if done, err := s.Collect(t.Context(), time.Now().Add(time.Minute)); err != nil || done != (store.Collected{}) {
		t.Errorf("a second collection did %+v, %v", done, err)
	}
}

// Collecting and compacting go on beside reading, delivering and expunging.
func TestCollectUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	account, box := filled(t, s, 200, 4000)
	s.Close()
	s = open(t, dir)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			snap, err := s.Snapshot(t.Context(), account, box)
			if err != nil {
				t.Error(err)
				return
			}
			e := snap.Entries[i%len(snap.Entries)]
			c, err := s.Content(t.Context(), account, e.Message)
			if err == nil {
				_, err = io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
				c.Close()
			}
			if err != nil && gomail.KindOf(err) != gomail.NotFound {
				t.Errorf("reading beside the collection: %v", err)
			}
		}
	})
	for round := range 10 {
		var uids []gomail.UID
		for i := range 15 {
			uids = append(uids, gomail.UID(round*15+i+1))
		}
		expunge(t, s, account, box, uids)
		appendMessage(t, s, account, box, text(round, 4000))
		if _, err := s.Collect(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	clean(t, s)
}

// Files that a crash left behind, which no row names, are removed; what is
// younger than the window may be a delivery under way.
func TestSweepRemovesOrphans(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	filled(t, s, 1, 2<<20)
	old := time.Now().Add(-48 * time.Hour)
	orphans := []string{filepath.Join(dir, "objects", "00000000", "0000000000000bad"), filepath.Join(dir, "packs", "00000099.pack")}
	for _, path := range orphans {
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Collect(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, path := range orphans {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a young file was removed: %v", err)
		}
		os.Chtimes(path, old, old)
	}
	if done, err := s.Collect(t.Context(), time.Now().Add(-time.Hour)); err != nil || done.Objects != 1 || done.Packs != 1 {
		t.Errorf("it collected %+v, %v", done, err)
	}
	for _, path := range orphans {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there", path)
		}
	}
	clean(t, s)
}

// Expunged mail gives its space back while other mail comes in.
func TestSpaceShrinksUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	p := newPeople(t, s, 2)
	for i := range 200 {
		if err := p.deliver(t.Context(), 0, fmt.Sprintf("m%d", i), 50_000, false); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = open(t, dir) // so that the pack is no longer the one being written
	p.s = s
	before := diskUse(t, dir)
	came := during(t, p, func() {
		var gone []gomail.UID
		for uid := gomail.UID(1); uid <= 180; uid++ {
			gone = append(gone, uid)
		}
		expunge(t, s, p.accounts[0], p.inboxes[0], gone)
		if done, err := s.Collect(t.Context(), time.Now().Add(time.Minute)); err != nil || done.Bodies != 180 || done.Packs != 1 {
			t.Errorf("it collected %+v, %v", done, err)
		}
	})
	if after := diskUse(t, dir); came == 0 || after > before/2+int64(came)*1000 {
		t.Errorf("%d octets were in use, and %d are after %d more messages", before, after, came)
	}
	clean(t, s)
}

// A clock that is put forward makes a large message on its way to the commit
// look like one that a crash left behind long ago.
func TestSweepSparesWhatIsUnderWay(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	account, inbox := filled(t, s, 1, 100)
	body := s.Stage()
	defer body.Close()
	if _, err := body.Write(make([]byte, 2<<20)); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	filepath.WalkDir(filepath.Join(dir, "objects"), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, old, old))
	})
	if done, err := s.Collect(t.Context(), time.Now().Add(-time.Hour)); err != nil || done.Objects != 0 {
		t.Errorf("it collected %+v, %v", done, err)
	}
	if _, err := s.AppendMessages(t.Context(), account, inbox, []mailbox.Append{{Body: body, Received: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	clean(t, s)
}
