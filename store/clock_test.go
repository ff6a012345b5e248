package store_test

import (
	"fmt"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/store"
)

// Whatever the clock does, UIDs, UIDVALIDITY and sequences ascend.
func TestClockJumps(t *testing.T) {
	now := time.Now()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	account, inbox := filled(t, s, 1, 100)
	var validity uint32
	var uid gomail.UID
	var modSeq gomail.ModSeq
	for i, jump := range []time.Duration{0, time.Hour, -time.Hour, -time.Hour, time.Hour, -1000 * time.Hour} {
		now = now.Add(jump)
		again, err := s.CreateMailbox(t.Context(), account, 0, "again", "")
		if err != nil {
			t.Fatal(err)
		}
		if again.UIDValidity <= validity {
			t.Errorf("jump %d: UIDVALIDITY %d comes after %d", i, again.UIDValidity, validity)
		}
		validity = again.UIDValidity
		if err := s.DeleteMailbox(t.Context(), account, again.ID); err != nil {
			t.Fatal(err)
		}
		body := s.Stage()
		fmt.Fprintf(body, "Subject: %d\r\n\r\nx\r\n", i)
		done, err := s.AppendMessages(t.Context(), account, inbox, []mailbox.Append{{Body: body, Received: now}})
		body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if done[0].UID <= uid || done[0].ModSeq <= modSeq {
			t.Errorf("jump %d: UID %d after %d, sequence %d after %d", i, done[0].UID, uid, done[0].ModSeq, modSeq)
		}
		uid, modSeq = done[0].UID, done[0].ModSeq
	}
	clean(t, s)
}
