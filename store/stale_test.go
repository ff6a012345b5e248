package store_test

import (
	"testing"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/mailbox"
	"gomail/store"
)

// bringTo delivers a small message to the INBOX of each account.
func bringTo(t *testing.T, s *store.Store, to ...gomail.AccountID) error {
	t.Helper()
	body := s.Stage()
	defer body.Close()
	body.Write([]byte("Subject: x\r\n\r\ny\r\n"))
	d := inbound.Delivery{Body: body}
	for _, id := range to {
		d.Messages = append(d.Messages, inbound.Incoming{Account: id, Role: gomail.RoleInbox, Received: time.Now()})
	}
	return s.Deliver(t.Context(), d)
}

// What the writer keeps of rows from one transaction to the next is never
// stale: after a rollback, and after every other change of those rows.
func TestKeptRowsAreNotStale(t *testing.T) {
	s := open(t, t.TempDir())
	p := newPeople(t, s, 2)
	a, inbox, archive := p.accounts[0], p.inboxes[0], p.archives[0]
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	fails := func(err error, kind gomail.Kind) {
		t.Helper()
		if gomail.KindOf(err) != kind {
			t.Errorf("%v, not of the kind %v", err, kind)
		}
	}
	put := func(box gomail.MailboxID, size int) error {
		body := s.Stage()
		defer body.Close()
		body.Write(text(1, size))
		_, err := s.AppendMessages(t.Context(), a, box, []mailbox.Append{{Body: body}})
		return err
	}

	ok(bringTo(t, s, a))
	fails(bringTo(t, s, a, 12345), gomail.NotFound) // a's row had been changed by then
	ok(bringTo(t, s, a))
	clean(t, s)

	account, err := s.Account(t.Context(), a)
	ok(err)
	account.QuotaMax = 1000
	ok(s.UpdateAccount(t.Context(), account))
	fails(put(archive, 2000), gomail.OverQuota)
	account.QuotaMax = 0
	ok(s.UpdateAccount(t.Context(), account))
	ok(put(archive, 2000))

	work, err := s.CreateMailbox(t.Context(), a, 0, "Work", "")
	ok(err)
	ok(put(work.ID, 100))
	ok(s.RenameMailbox(t.Context(), a, work.ID, archive, "Old"))
	fails(s.RenameMailbox(t.Context(), a, archive, work.ID, "Below itself"), gomail.Invalid)
	ok(s.SetSubscribed(t.Context(), a, work.ID, false))
	ok(s.SetSubscribed(t.Context(), a, work.ID, true))
	ok(s.DeleteMailbox(t.Context(), a, work.ID))
	fails(put(work.ID, 100), gomail.NotFound)
	_, err = s.MoveMessages(t.Context(), within(a, inbox, work.ID, nil))
	fails(err, gomail.NotFound)
	ok(bringTo(t, s, a, p.accounts[1]))
	clean(t, s)

	ok(s.RemoveAccount(t.Context(), a))
	fails(bringTo(t, s, p.accounts[1], a), gomail.NotFound)
	fails(put(archive, 10), gomail.NotFound)
	clean(t, s)
}
