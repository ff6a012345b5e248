package storetest

import (
	"slices"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/mailbox"
	"gomail/queue"
)

func testDeliver(f *fixture) {
	anna, annaInbox := f.account("anna")
	bert, _ := f.account("bert")
	when := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	d := inbound.Delivery{
		Body: f.body("Subject: x\r\n\r\nbody"), Index: []byte("index"),
		Messages: []inbound.Incoming{
			{Account: anna, Role: gomail.RoleInbox, Prefix: []byte("Delivered-To: anna\r\n"), Received: when},
			{Account: bert, Role: gomail.RoleJunk, Prefix: []byte("Delivered-To: bert\r\nList-Id: <l.example.com>\r\n"), Received: when},
		},
		Queue: []queue.Message{{Key: queue.Key{Slot: 3}, Envelope: gomail.Envelope{From: address("a@x.test")}, Rcpts: []queue.Recipient{recipient("b@y.test")}}},
	}
	f.ok(f.store.Deliver(f.ctx, d))
	snap := f.snapshot(anna, annaInbox)
	if len(snap.Entries) != 1 || snap.Entries[0].UID != 1 || snap.Mailbox.Unseen != 1 {
		f.Fatalf("anna has %+v", snap)
	}
	if got := f.text(f.store.Content(f.ctx, anna, snap.Entries[0].Message)); got != "Delivered-To: anna\r\nSubject: x\r\n\r\nbody" {
		f.Errorf("anna reads %q", got)
	}
	junk := f.snapshot(bert, f.role(bert, gomail.RoleJunk))
	if len(junk.Entries) != 1 {
		f.Fatalf("bert's Junk has %+v", junk)
	}
	if got := f.text(f.store.Content(f.ctx, bert, junk.Entries[0].Message)); got != "Delivered-To: bert\r\nList-Id: <l.example.com>\r\nSubject: x\r\n\r\nbody" {
		f.Errorf("bert reads %q", got)
	}
	f.ownFields(anna, snap.Entries[0].Message, "")
	f.ownFields(bert, junk.Entries[0].Message, "List-Id: <l.example.com>\r\n")
	queued, err := f.store.List(f.ctx, queue.Key{}, 10)
	f.ok(err)
	if len(queued) != 1 {
		f.Fatalf("the queue has %+v", queued)
	}
	if got := f.text(f.store.QueueContent(f.ctx, queued[0].Key)); got != "Subject: x\r\n\r\nbody" {
		f.Errorf("the queue sends %q", got)
	}
	// A mailbox without the role asked for: the message goes to INBOX.
	f.ok(f.store.DeleteMailbox(f.ctx, bert, junk.Mailbox.ID))
	again := d
	again.Body, again.Queue = f.body("again"), nil
	f.ok(f.store.Deliver(f.ctx, again))
	if n := len(f.snapshot(bert, f.role(bert, gomail.RoleInbox)).Entries); n != 1 {
		f.Errorf("bert's INBOX has %d messages", n)
	}
}

// ownFields holds the account's own fields before a message, as they are read
// with it, against want.
func (f *fixture) ownFields(account gomail.AccountID, id gomail.MessageID, want string) {
	f.Helper()
	for _, depth := range []mailbox.Depth{mailbox.WithIndex, mailbox.WithIndex, mailbox.WithContent} { // read and remembered
		f.ok(f.store.Items(f.ctx, account, []gomail.MessageID{id}, depth, func(i mailbox.Item) error {
			if i.Shift == 0 || i.Own == nil || string(i.Own) != want {
				f.Errorf("at depth %d: %q of %d octets of own fields, want %q", depth, i.Own, i.Shift, want)
			}
			return nil
		}))
	}
}

// One recipient that cannot be written takes the whole transaction with it,
// and nothing of its neighbours.
func testDeliverAllOrNone(f *fixture) {
	anna, inbox := f.account("anna")
	to := func(ids ...gomail.AccountID) inbound.Delivery {
		d := inbound.Delivery{Body: f.body("x")}
		for _, id := range ids {
			d.Messages = append(d.Messages, inbound.Incoming{Account: id, Role: gomail.RoleInbox})
		}
		return d
	}
	bad, good := to(anna, anna+12345), make([]inbound.Delivery, 20)
	for i := range good {
		good[i] = to(anna)
	}
	results := make(chan error, len(good))
	badResult := make(chan error, 1)
	for i, d := range good {
		go func() { results <- f.store.Deliver(f.ctx, d) }()
		if i == len(good)/2 {
			go func() { badResult <- f.store.Deliver(f.ctx, bad) }()
		}
	}
	for range good {
		f.ok(<-results)
	}
	f.kind(<-badResult, gomail.NotFound)
	if n := len(f.snapshot(anna, inbox).Entries); n != len(good) {
		f.Errorf("anna has %d messages of %d", n, len(good))
	}
}

func address(s string) gomail.Address {
	a, err := gomail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func recipient(s string) queue.Recipient {
	return queue.Recipient{Recipient: gomail.Recipient{Address: address(s), Notify: gomail.NotifyFailure, Original: "rfc822;" + s}}
}

func testQueue(f *fixture) {
	anna, _ := f.account("anna")
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	m := queue.Message{
		Account: anna, Envelope: gomail.Envelope{From: address("anna@example.com"), SMTPUTF8: true, EightBit: true, Return: "HDRS", EnvelopeID: "id", TLS: gomail.TLSRequired},
		Prefix: []byte("DKIM-Signature: x\r\n"), Received: now, Expires: now.Add(time.Hour),
	}
	for _, to := range []string{"a@one.test", "b@one.test", "c@two.test"} {
		r := recipient(to)
		r.Due = now
		m.Rcpts = append(m.Rcpts, r)
	}
	parts, err := f.store.Enqueue(f.ctx, f.body("body"), queue.Split(m), nil)
	f.ok(err)
	if len(parts) != 2 || len(parts[0].Rcpts) != 2 || parts[0].ID == 0 {
		f.Fatalf("the parts are %+v", parts)
	}
	sites, err := f.store.Sites(f.ctx, "", 10)
	f.ok(err)
	if want := []queue.SiteDue{{Name: "one.test", Due: now}, {Name: "two.test", Due: now}}; !slices.Equal(sites, want) {
		f.Errorf("sites: %+v", sites)
	}
	if sites, err = f.store.Sites(f.ctx, "one.test", 10); err != nil || len(sites) != 1 {
		f.Errorf("sites after the first: %+v, %v", sites, err)
	}
	due, next, err := f.store.Due(f.ctx, "one.test", queue.Position{}, now, 10)
	f.ok(err)
	if len(due) != 0 || !next.Equal(now) {
		f.Errorf("due before its time: %+v, next at %v", due, next)
	}
	soon := now.Add(time.Microsecond)
	due, next, err = f.store.Due(f.ctx, "one.test", queue.Position{}, soon, 1)
	f.ok(err)
	if len(due) != 1 || len(due[0].Rcpts) != 1 || !next.Equal(now) {
		f.Errorf("due with a limit: %+v, next at %v", due, next)
	}
	due, next, err = f.store.Due(f.ctx, "one.test", queue.Position{}, soon, 10)
	f.ok(err)
	if len(due) != 1 || !next.IsZero() {
		f.Fatalf("due: %+v, next at %v", due, next)
	}
	for n, want := range []int{1, 0} { // behind the first of the two recipients, and behind both
		behind, _, err := f.store.Due(f.ctx, "one.test", queue.Position{Due: now, Key: due[0].Key, N: n}, soon, 10)
		f.ok(err)
		if len(behind) != want || want > 0 && (len(behind[0].Rcpts) != 1 || behind[0].Rcpts[0].N != 1) {
			f.Errorf("behind recipient %d: %+v", n, behind)
		}
	}
	more, _, err := f.store.Due(f.ctx, "two.test", queue.Position{}, soon, 10)
	f.ok(err)
	due = append(due, more...)
	for _, p := range parts {
		i := slices.IndexFunc(due, func(d queue.Message) bool { return d.Key == p.Key })
		if i < 0 || due[i].Envelope.From != m.Envelope.From || !due[i].Envelope.SMTPUTF8 || due[i].Envelope.TLS != gomail.TLSRequired || due[i].Envelope.Return != "HDRS" || due[i].Size != p.Size || len(due[i].Rcpts) != len(p.Rcpts) || due[i].Rcpts[0] != p.Rcpts[0] {
			f.Errorf("due is %+v, queued was %+v", due, p)
		}
	}
	if got := f.text(f.store.QueueContent(f.ctx, parts[0].Key)); got != "DKIM-Signature: x\r\nbody" {
		f.Errorf("what is sent: %q", got)
	}
	lease, err := f.store.Lease(f.ctx, "node", time.Minute)
	f.ok(err)
	f.ok(f.store.Finish(f.ctx, lease, []queue.Change{
		{Key: parts[0].Key, N: 0, Done: true},
		{Key: parts[0].Key, N: 1, Due: now.Add(time.Hour), Attempts: 1, LastError: "busy", LastTLS: "TLS1.3 x", Delayed: true},
	}))
	left, err := f.store.Queued(f.ctx, parts[0].Key)
	f.ok(err)
	if len(left.Rcpts) != 1 || left.Rcpts[0].Attempts != 1 || left.Rcpts[0].LastError != "busy" || left.Rcpts[0].LastTLS != "TLS1.3 x" || !left.Rcpts[0].Delayed {
		f.Errorf("left: %+v", left)
	}
	f.ok(f.store.SetStatus(f.ctx, parts[0].Key, -1, queue.Held, now))
	if due, next, err = f.store.Due(f.ctx, "one.test", queue.Position{}, now.Add(2*time.Hour), 10); err != nil || len(due) != 0 || !next.IsZero() {
		f.Errorf("due with one held: %+v, %v, %v", due, next, err)
	}
	if sites, err = f.store.Sites(f.ctx, "", 10); err != nil || len(sites) != 1 {
		f.Errorf("sites with one held: %+v, %v", sites, err)
	}
	f.ok(f.store.Finish(f.ctx, lease, []queue.Change{{Key: parts[0].Key, N: 1, Done: true}}))
	f.ok(f.store.Drop(f.ctx, parts[1].Key, -1))
	_, err = f.store.Queued(f.ctx, parts[1].Key)
	f.kind(err, gomail.NotFound)
	f.kind(f.store.Drop(f.ctx, parts[1].Key, -1), gomail.NotFound)
	_, err = f.store.QueueContent(f.ctx, parts[0].Key)
	f.kind(err, gomail.NotFound)
}

// A node that was paused while another took over must not write.
func testQueueLease(f *fixture) {
	first, err := f.store.Lease(f.ctx, "one", -time.Second)
	f.ok(err)
	second, err := f.store.Lease(f.ctx, "two", time.Minute)
	f.ok(err)
	if second.Token <= first.Token {
		f.Errorf("tokens %d, then %d", first.Token, second.Token)
	}
	f.kind(f.store.Finish(f.ctx, first, nil), gomail.Closed)
	_, err = f.store.Lease(f.ctx, "one", time.Minute)
	f.kind(err, gomail.Unavailable)
	renewed, err := f.store.Lease(f.ctx, "two", time.Minute)
	f.ok(err)
	if renewed.Token != second.Token {
		f.Errorf("renewing changed the token from %d to %d", second.Token, renewed.Token)
	}
	f.ok(f.store.Finish(f.ctx, second, nil))
}

// A held account's mail waits, what others put aside stays so, and both are as
// before when it is released.
func testHeldAccount(f *fixture) {
	anna, _ := f.account("anna")
	bert, _ := f.account("bert")
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	var keys []queue.Key
	for n, account := range []gomail.AccountID{anna, anna, bert} {
		m := queue.Message{Account: account, Envelope: gomail.Envelope{From: address("anna@example.com")}, Received: now, Expires: now.Add(time.Hour)}
		r := recipient("a@one.test")
		r.Due = now.Add(time.Duration(n) * time.Hour)
		m.Rcpts = append(m.Rcpts, r)
		parts, err := f.store.Enqueue(f.ctx, f.body("body"), queue.Split(m), nil)
		f.ok(err)
		keys = append(keys, parts[0].Key)
	}
	f.ok(f.store.SetStatus(f.ctx, keys[0], 0, queue.Held, now))
	states := func() (all []queue.Recipient) {
		for _, key := range keys {
			m, err := f.store.Queued(f.ctx, key)
			f.ok(err)
			all = append(all, m.Rcpts[0])
		}
		return all
	}
	held, err := f.store.HoldAccount(f.ctx, anna, now, "odd")
	f.ok(err)
	if got := states(); !slices.Equal(held, keys[1:2]) || got[1].Status != queue.Held || got[1].LastError != queue.HeldAccount+"odd" || got[2].Status != queue.Pending {
		f.Errorf("held %v: %+v", held, got)
	}
	s, err := f.store.Sending(f.ctx, anna, now)
	f.ok(err)
	if !s.Held.Equal(now) || s.HeldWhy != "odd" {
		f.Errorf("it is held: %+v", s)
	}
	released, err := f.store.ReleaseAccount(f.ctx, anna, now.Add(time.Minute))
	f.ok(err)
	if got := states(); !slices.Equal(released, keys[1:2]) || got[0].Status != queue.Held || got[1].Status != queue.Pending || !got[1].Due.Equal(now.Add(time.Hour)) || got[1].LastError != "" {
		f.Errorf("released %v: %+v", released, got)
	}
	_, err = f.store.ReleaseAccount(f.ctx, anna, now)
	f.kind(err, gomail.NotFound)
	_, err = f.store.HoldAccount(f.ctx, 12345, now, "nobody")
	f.kind(err, gomail.NotFound)
}
