package store

import (
	"errors"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
)

// together runs writes so that they go into one batch with one that fails, for
// which all are rolled back and run again.
func together(t *testing.T, s *Store, writes ...func() error) {
	t.Helper()
	s.writing.Lock()
	done := make(chan error, len(writes))
	for _, f := range writes {
		go func() { done <- f() }()
	}
	failing := &write{apply: func(t *tx) error { t.dirty = true; return errors.New("failed") }, done: make(chan error, 1)}
	for len(s.committer) < len(writes)-1 { // the one who commits has taken the first
		time.Sleep(time.Millisecond)
	}
	s.committer <- &batch{writes: []*write{failing}}
	s.writing.Unlock()
	for range writes {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := <-failing.done; err == nil {
		t.Error("what fails did not fail")
	}
}

// What a write answers is not doubled when it had to be run again.
func TestRunAgain(t *testing.T) {
	h := newHistory(t, 1)
	b := h.boxes[0]
	h.pending = append(h.pending, h.copies(b, []gomail.UID{1, 2, 3, 4, 5}))
	h.commit(0)
	flag := mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}
	together(t, h.s, func() error {
		r, err := h.s.SetFlags(t.Context(), b.Account, b.Mailbox, []gomail.UID{3, 2}, flag)
		if len(r.Changed) != 2 {
			t.Errorf("STORE answers %+v", r)
		}
		return err
	}, func() error {
		r, err := h.s.SetFlags(t.Context(), b.Account, b.Mailbox, []gomail.UID{1, 2, 3}, mailbox.FlagChange{UnchangedSince: 0})
		if len(r.Modified) != 3 {
			t.Errorf("STORE answers %+v", r)
		}
		return err
	})
	together(t, h.s, func() error {
		gone, _, err := h.s.Expunge(t.Context(), b.Account, b.Mailbox, []gomail.UID{3, 2, 3, 1})
		if len(gone) != 2 {
			t.Errorf("EXPUNGE answers %d", gone)
		}
		return err
	}, func() error {
		moved, err := h.s.MoveMessages(t.Context(), mailbox.Transfer{From: b.Place, To: b.Place, UIDs: []gomail.UID{5, 4, 5}, Rights: mailbox.AllRights})
		if len(moved.Target) != 2 {
			t.Errorf("MOVE answers %+v", moved)
		}
		return err
	})
	copied, err := h.s.CopyMessages(t.Context(), mailbox.Transfer{From: b.Place, To: b.Place, UIDs: []gomail.UID{7, 6, 7}, Rights: mailbox.AllRights})
	if err != nil || len(copied.Source) != 2 || copied.Source[0] != 6 {
		t.Errorf("COPY answers %+v, %v", copied, err)
	}
	h.check()
}
