package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
)

// Changes of many messages at once let mail in between.
func TestBulkChangesLetMailIn(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 2)
	account, inbox, archive := p.accounts[0], p.inboxes[0], p.archives[0]
	appendMessage(t, s, account, inbox, []byte("X: y\r\n\r\n"))
	for range 14 { // 2^14 entries
		snap, err := s.Snapshot(t.Context(), account, inbox)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.CopyMessages(t.Context(), within(account, inbox, inbox, uidsOf(snap.Entries))); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := s.Snapshot(t.Context(), account, inbox)
	if err != nil {
		t.Fatal(err)
	}
	uids := uidsOf(snap.Entries)
	flag := mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}
	for _, step := range []struct {
		name   string
		change func() (int, error)
	}{
		{"STORE", func() (int, error) {
			r, err := s.SetFlags(t.Context(), account, inbox, uids, flag)
			return len(r.Changed), err
		}},
		{"MOVE", func() (int, error) {
			r, err := s.MoveMessages(t.Context(), within(account, inbox, archive, uids))
			return len(r.Target), err
		}},
		{"EXPUNGE", func() (int, error) { r, _, err := s.Expunge(t.Context(), account, archive, nil); return len(r), err }},
	} {
		between := during(t, p, func() {
			if n, err := step.change(); err != nil || n != len(uids) {
				t.Errorf("%s changed %d of %d: %v", step.name, n, len(uids), err)
			}
		})
		if between < 3 {
			t.Errorf("during %s of %d messages %d others came in", step.name, len(uids), between)
		}
		clean(t, s)
	}
}

func uidsOf(entries []mailbox.Entry) (uids []gomail.UID) {
	for _, e := range entries {
		uids = append(uids, e.UID)
	}
	return uids
}

// during delivers to the second account as long as f runs, and returns how
// much came in meanwhile.
func during(t *testing.T, p *people, f func()) (n int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ; ctx.Err() == nil; n++ {
			if err := p.deliver(context.Background(), 1, fmt.Sprintf("b%d", n), 500, false); err != nil {
				t.Error(err)
				return
			}
		}
	})
	f()
	stop()
	wg.Wait()
	return n
}

// TestBulkExpunge says for how long mail waits while 100,000 messages are
// flagged and expunged.
//
//	go test ./store -run TestBulkExpunge -growth 100000 -v
func TestBulkExpunge(t *testing.T) {
	if *growth == 0 {
		t.Skip("asked for with -growth")
	}
	s := open(t, t.TempDir())
	p := newPeople(t, s, 2)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range *growth / 64 {
				if err := bring(s, p.accounts[:1], r, 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	snap, err := s.Snapshot(t.Context(), p.accounts[0], p.inboxes[0])
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var longest time.Duration
	came := 0
	wg.Go(func() {
		for ; ctx.Err() == nil; came++ {
			begun := time.Now()
			if err := p.deliver(context.Background(), 1, fmt.Sprintf("b%d", came), 500, false); err != nil {
				t.Error(err)
			}
			longest = max(longest, time.Since(begun))
		}
	})
	begun := time.Now()
	expunge(t, s, p.accounts[0], p.inboxes[0], uidsOf(snap.Entries))
	t.Logf("%d messages flagged and expunged in %v", len(snap.Entries), time.Since(begun))
	stop()
	wg.Wait()
	t.Logf("%d came in meanwhile, the longest wait was %v", came, longest)
	clean(t, s)
}

// within is a transfer from one mailbox of an account to another.
func within(account gomail.AccountID, from, to gomail.MailboxID, uids []gomail.UID) mailbox.Transfer {
	return mailbox.Transfer{From: mailbox.Place{Account: account, Mailbox: from}, To: mailbox.Place{Account: account, Mailbox: to}, UIDs: uids, Rights: mailbox.AllRights}
}
