package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/mailbox"
	"gomail/queue"
	"gomail/store"
)

// people are accounts whose mail a crowd of writers changes.
type people struct {
	t        *testing.T
	s        *store.Store
	accounts []gomail.AccountID
	inboxes  []gomail.MailboxID
	archives []gomail.MailboxID

	mu   sync.Mutex
	sure map[string]bool // acknowledged; false: somebody has begun to remove it
}

func newPeople(t *testing.T, s *store.Store, n int) *people {
	t.Helper()
	p := &people{t: t, s: s, sure: map[string]bool{}}
	if _, err := s.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		a, err := s.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: fmt.Sprintf("p%d", i), Domain: "example.com"}}, "x")
		if err != nil {
			t.Fatal(err)
		}
		p.accounts = append(p.accounts, a.ID)
		p.inboxes = append(p.inboxes, p.role(a.ID, gomail.RoleInbox))
		p.archives = append(p.archives, p.role(a.ID, gomail.RoleArchive))
	}
	return p
}

func (p *people) role(account gomail.AccountID, role gomail.MailboxRole) gomail.MailboxID {
	all, err := p.s.Mailboxes(p.t.Context(), account)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range all {
		if m.Role == role {
			return m.ID
		}
	}
	p.t.Fatalf("account %d has no %s", account, role)
	return 0
}

// content is a message that begins with its name.
func content(name string, size int) []byte {
	b := text(len(name), size)
	return append([]byte(name+"\n"), b...)
}

// deliver brings a message to one of the accounts; some queue a copy too.
func (p *people) deliver(ctx context.Context, who int, name string, size int, queued bool) error {
	body := p.s.Stage()
	defer body.Close()
	if _, err := body.Write(content(name, size)); err != nil {
		return err
	}
	d := inbound.Delivery{Body: body, Messages: []inbound.Incoming{{Account: p.accounts[who], Role: gomail.RoleInbox, Prefix: []byte("X: y\r\n"), Received: time.Now()}}}
	if queued {
		to := gomail.Recipient{Address: gomail.Address{Local: "joe", Domain: "remote.test"}}
		d.Queue = []queue.Message{{Key: queue.Key{Slot: 3}, Expires: time.Now().Add(time.Hour), Rcpts: []queue.Recipient{{Recipient: to, Site: "remote.test", Due: time.Now()}}}}
	}
	if err := p.s.Deliver(ctx, d); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, removed := p.sure[name]; !removed { // another writer may have been faster
		p.sure[name] = true
	}
	return nil
}

// stir makes one change after the other until ctx ends: deliveries, flags,
// moves, and removals of messages of its own.
func (p *people) stir(ctx context.Context, writer int, done *atomic.Int64) {
	r := rand.New(rand.NewPCG(uint64(writer), 7))
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("w%d-%d", writer, i)
		who, size := r.IntN(len(p.accounts)), 200+r.IntN(6000)
		if i%97 == 96 {
			size = 2 << 20
		}
		err := p.deliver(context.Background(), who, name, size, i%20 == 0)
		if err == nil && i%3 == 0 {
			err = p.change(who, r)
		}
		if err != nil {
			p.t.Errorf("writer %d: %v", writer, err)
			return
		}
		done.Add(1)
	}
}

// change flags, moves, or removes a message of an inbox.
func (p *people) change(who int, r *rand.Rand) error {
	ctx := context.Background()
	account, inbox := p.accounts[who], p.inboxes[who]
	snap, err := p.s.Snapshot(ctx, account, inbox)
	if err != nil || len(snap.Entries) == 0 {
		return err
	}
	uid := snap.Entries[r.IntN(len(snap.Entries))]
	uids := []gomail.UID{uid.UID}
	switch r.IntN(3) {
	case 0:
		_, err = p.s.SetFlags(ctx, account, inbox, uids, mailbox.FlagChange{Flags: gomail.FlagSeen, UnchangedSince: -1})
	case 1:
		_, err = p.s.MoveMessages(ctx, within(account, inbox, p.archives[who], uids))
	case 2:
		name, readErr := nameOf(p.s, account, uid.Message)
		if gomail.KindOf(readErr) == gomail.NotFound { // another writer was faster
			return nil
		}
		if readErr != nil {
			return readErr
		}
		p.mu.Lock()
		p.sure[name] = false
		p.mu.Unlock()
		if _, err = p.s.SetFlags(ctx, account, inbox, uids, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}); err == nil {
			_, _, err = p.s.Expunge(ctx, account, inbox, uids)
		}
	}
	return err
}

// nameOf reads the name with which a message begins.
func nameOf(s *store.Store, account gomail.AccountID, id gomail.MessageID) (string, error) {
	c, err := s.Content(context.Background(), account, id)
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	_, rest, _ := bytes.Cut(b, []byte("X: y\r\n"))
	name, _, _ := strings.Cut(string(rest), "\n")
	return name, err
}

// isSure returns the messages that are certainly there now.
func (p *people) isSure() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]bool{}
	for name, there := range p.sure {
		if there {
			all[name] = true
		}
	}
	return all
}

// held counts how often each name is in a store.
func held(t *testing.T, s *store.Store, accounts []gomail.AccountID) map[string]int {
	t.Helper()
	count := map[string]int{}
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
				name, err := nameOf(s, account, e.Message)
				if err != nil {
					t.Error(err)
				}
				count[name]++
			}
		}
	}
	return count
}

func backUp(t *testing.T, s *store.Store, to string) store.BackupReport {
	t.Helper()
	r, err := s.Backup(t.Context(), store.BackupOptions{To: to, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	return r
}

func restore(t *testing.T, from string) (*store.Store, store.RestoreReport) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	r, err := store.Restore(t.Context(), store.RestoreOptions{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return open(t, to), r
}

// Backups are made one upon the other while 16 writers deliver, flag, move and
// expunge, and while what was expunged is collected and packs are rewritten.
// Each holds, when restored, everything that was acknowledged before it began,
// once, and is clean.
func TestBackupUnderLoad(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 4)
	to := filepath.Join(t.TempDir(), "backup")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var done atomic.Int64
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() { p.stir(ctx, w, &done) })
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.Collect(ctx, time.Now().Add(time.Minute)); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("collect: %v", err)
			}
		}
	})
	for round := range 4 {
		for target := int64(250 * (round + 1)); done.Load() < target && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		before := p.isSure()
		report := backUp(t, s, to)
		after := p.isSure()
		restored, _ := restore(t, to)
		clean(t, restored)
		have := held(t, restored, p.accounts)
		for name := range before {
			if n := have[name]; n != 1 && after[name] {
				t.Errorf("round %d: %s was acknowledged before the backup and is there %d times", round, name, n)
			}
		}
		for name, n := range have {
			if n != 1 {
				t.Errorf("round %d: %q is there %d times", round, name, n)
			}
		}
		if round > 0 && report.Copied >= report.Octets {
			t.Errorf("round %d copied %d of %d octets: nothing was kept", round, report.Copied, report.Octets)
		}
		restored.Close()
	}
	stop()
	wg.Wait()
	clean(t, s)
}

// What the restored store gives out was not given out before, not even after
// the backup.
func TestRestoreBeginsANewEpoch(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 2)
	for i := range 10 {
		if err := p.deliver(t.Context(), 0, fmt.Sprintf("m%d", i), 1000, i == 0); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "backup")
	backUp(t, s, to)
	for i := range 500 { // mailboxes that the backup does not know
		if _, err := s.CreateMailbox(t.Context(), p.accounts[0], 0, fmt.Sprintf("late %d", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	type given struct {
		validity uint32
		modseq   gomail.ModSeq
		id       gomail.MailboxID
	}
	var highest given
	boxes, err := s.Mailboxes(t.Context(), p.accounts[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		highest = given{max(highest.validity, b.UIDValidity), max(highest.modseq, b.HighestModSeq), max(highest.id, b.ID)}
	}

	restored, report := restore(t, to)
	if report.Epoch != 1 || report.Held != 1 {
		t.Errorf("restored as %+v", report)
	}
	validities := map[uint32]bool{}
	boxes, err = restored.Mailboxes(t.Context(), p.accounts[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		if b.UIDValidity <= highest.validity || b.HighestModSeq <= highest.modseq || validities[b.UIDValidity] {
			t.Errorf("the mailbox %s has UIDVALIDITY %d and MODSEQ %d, given out were %d and %d", b.Path, b.UIDValidity, b.HighestModSeq, highest.validity, highest.modseq)
		}
		validities[b.UIDValidity] = true
	}
	made, err := restored.CreateMailbox(t.Context(), p.accounts[0], 0, "new", "")
	if err != nil || made.ID <= highest.id || validities[made.UIDValidity] || made.UIDValidity <= highest.validity {
		t.Errorf("a new mailbox is %+v, %v", made, err)
	}
	delta, err := restored.Changes(t.Context(), p.accounts[0], p.inboxes[0], 5)
	if err != nil || delta.Complete {
		t.Errorf("the changes since before the backup are said to be complete: %+v, %v", delta.Complete, err)
	}
	list, err := restored.List(t.Context(), queue.Key{Slot: -1}, 10)
	if err != nil || len(list) != 1 || list[0].Rcpts[0].Status != queue.Held {
		t.Errorf("the queue is %+v, %v", list, err)
	}
	clean(t, restored)

	// A backup of the restored store into the same directory, whose packs of
	// the same names are others by now.
	for i := range 5 {
		if err := p.deliver(t.Context(), 0, fmt.Sprintf("lost%d", i), 1000, false); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	again := &people{t: t, s: restored, accounts: p.accounts, inboxes: p.inboxes, sure: map[string]bool{}}
	if err := again.deliver(t.Context(), 0, "afterwards", 1000, false); err != nil {
		t.Fatal(err)
	}
	backUp(t, restored, to)
	third, report := restore(t, to)
	if have := held(t, third, p.accounts); report.Epoch != 2 || have["afterwards"] != 1 || have["m9"] != 1 || have["lost0"] != 0 {
		t.Errorf("epoch %d holds %v", report.Epoch, have)
	}
	clean(t, third)
}

// Two stores with one past: the directory holds a backup of the one, and gets
// a backup of the other, whose new pack has the same name.
func TestBackupOfAnotherPast(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 1)
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	p.deliver(t.Context(), 0, "common", 3000, false)
	backUp(t, s, first)
	backUp(t, s, second)
	other, _ := restore(t, first)
	s.Close()
	s = open(t, s.Dir())
	p.s = s
	p.deliver(t.Context(), 0, "here", 3000, false)
	backUp(t, s, second)
	(&people{t: t, s: other, accounts: p.accounts, sure: map[string]bool{}}).deliver(t.Context(), 0, "there", 3000, false)
	backUp(t, other, second)
	restored, _ := restore(t, second)
	if have := held(t, restored, p.accounts); have["common"] != 1 || have["there"] != 1 || have["here"] != 0 {
		t.Errorf("it holds %v", have)
	}
	clean(t, restored)
}

// Every octet of a backup counts: a flipped one is found before anything is
// written, and the file is named.
func TestDamagedBackupIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 1)
	for i := range 5 {
		p.deliver(t.Context(), 0, fmt.Sprintf("m%d", i), 1000, false)
	}
	p.deliver(t.Context(), 0, "large", 2<<20, false)
	from := filepath.Join(t.TempDir(), "backup")
	report := backUp(t, s, from)
	files := []string{store.ManifestFile}
	for _, f := range report.Files {
		files = append(files, f.Stored)
	}
	for _, name := range files {
		path := filepath.Join(from, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(good)/150)
		if name == store.ManifestFile {
			step = 1
		}
		for at := 0; at < len(good); at += step {
			damage(t, path, good, at)
			to := filepath.Join(t.TempDir(), "data")
			_, err := store.Restore(t.Context(), store.RestoreOptions{From: from, To: to})
			if gomail.KindOf(err) != gomail.Corrupt && gomail.KindOf(err) != gomail.Invalid || !strings.Contains(err.Error(), filepath.Base(name)) && gomail.KindOf(err) == gomail.Corrupt {
				t.Errorf("octet %d of %s flipped: %v", at, name, err)
			}
			if _, err := os.Stat(to); err == nil {
				t.Errorf("octet %d of %s flipped: something was written", at, name)
			}
		}
		for _, bad := range [][]byte{good[:len(good)-1], good[:len(good)/2], nil} {
			os.WriteFile(path, bad, 0o600)
			if _, err := store.Restore(t.Context(), store.RestoreOptions{From: from, To: filepath.Join(t.TempDir(), "data")}); gomail.KindOf(err) != gomail.Corrupt {
				t.Errorf("%s cut to %d octets: %v", name, len(bad), err)
			}
		}
		os.WriteFile(path, good, 0o600)
	}
	restored, _ := restore(t, from)
	clean(t, restored)
}

// damage writes a file with one octet changed.
func damage(t *testing.T, path string, good []byte, at int) {
	t.Helper()
	bad := bytes.Clone(good)
	bad[at] ^= byte(1 << (at % 8))
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A backup that is cut off anywhere leaves the one before as it was, and the
// next one is whole.
func TestInterruptedBackup(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 1)
	for i := range 20 {
		p.deliver(t.Context(), 0, fmt.Sprintf("old%d", i), 20_000, false)
	}
	p.deliver(t.Context(), 0, "oldlarge", 3<<20, false)
	to := filepath.Join(t.TempDir(), "backup")
	for cut := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := s.Backup(ctx, store.BackupOptions{To: to, Progress: func(int64, int64) {
			if calls++; calls > cut {
				cancel()
			}
		}})
		cancel()
		_, restoreErr := store.Restore(t.Context(), store.RestoreOptions{From: to, To: filepath.Join(t.TempDir(), "data")})
		if err == nil {
			t.Logf("whole after %d steps", cut)
			break
		}
		if restoreErr == nil || !strings.Contains(restoreErr.Error(), "interrupted") {
			t.Errorf("the first backup was cut after %d steps (%v), and the restore says %v", cut, err, restoreErr)
		}
	}
	backUp(t, s, to)
	for i := range 20 {
		p.deliver(t.Context(), 0, fmt.Sprintf("new%d", i), 20_000, false)
	}
	p.deliver(t.Context(), 0, "newlarge", 3<<20, false)
	for cut := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := s.Backup(ctx, store.BackupOptions{To: to, Progress: func(int64, int64) {
			if calls++; calls > cut {
				cancel()
			}
		}})
		cancel()
		restored, report := restore(t, to)
		have := held(t, restored, p.accounts)
		clean(t, restored)
		restored.Close()
		if have["old3"] != 1 || have["oldlarge"] != 1 || report.Interrupted != (err != nil) {
			t.Fatalf("after a cut at %d (%v): %d messages, interrupted %t", cut, err, len(have), report.Interrupted)
		}
		if want := map[bool]int{true: 42, false: 21}[err == nil]; len(have) != want {
			t.Errorf("after a cut at %d (%v) it holds %d messages, want %d", cut, err, len(have), want)
		}
		if err == nil {
			return
		}
	}
	t.Error("the backup never became whole")
}

func findStored(t *testing.T, dir, name string) string {
	t.Helper()
	m, err := store.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		if f.Name == name {
			return f.Stored
		}
	}
	t.Fatalf("the backup has no %s", name)
	return ""
}

func TestBackupRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	foreign := t.TempDir()
	os.WriteFile(filepath.Join(foreign, "thesis.tex"), nil, 0o600)
	for to, want := range map[string]string{
		"s3://bucket/x": "to a directory only", "backup": "whole path", s.Dir(): "is in the data directory",
		filepath.Join(s.Dir(), "x"): "is in the data directory", foreign: "thesis.tex",
	} {
		if _, err := s.Backup(t.Context(), store.BackupOptions{To: to}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", to, err)
		}
	}
	to := filepath.Join(t.TempDir(), "b")
	backUp(t, s, to)
	used := t.TempDir()
	os.WriteFile(filepath.Join(used, "gomail.db"), nil, 0o600)
	half := t.TempDir()
	os.WriteFile(filepath.Join(half, "restore-in-progress"), nil, 0o600)
	for _, o := range []struct {
		from, to, want string
	}{
		{to, used, "is not empty"}, {to, half, "did not come to its end"}, {foreign, t.TempDir(), "there is no backup in"},
		{"s3://bucket/x", t.TempDir(), "from a directory only"},
	} {
		if _, err := store.Restore(t.Context(), store.RestoreOptions{From: o.from, To: o.to}); err == nil || !strings.Contains(err.Error(), o.want) {
			t.Errorf("%s to %s: %v", o.from, o.to, err)
		}
	}
	if _, err := store.Open(t.Context(), store.Options{Dir: half}); err == nil || !strings.Contains(err.Error(), "did not come to its end") {
		t.Errorf("a half restored directory is opened: %v", err)
	}
}
