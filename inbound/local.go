package inbound

import (
	"bufio"
	"context"
	"io"

	"gomail"
	"gomail/mailauth"
	"gomail/message"
	"gomail/queue"
)

// Local delivers queued mail to accounts of ours: what one of them sent to
// another never leaves the machine. It implements queue.Deliverer.
type Local struct{ service *Service }

// Local returns the deliverer to our own accounts.
func (s *Service) Local() *Local { return &Local{s} }

// Deliver puts the message into the recipients' mailboxes, all in one commit;
// those that lead nowhere fail for good. What several aliases forward goes on
// in as many commits.
func (l *Local) Deliver(ctx context.Context, task queue.Task, content gomail.Content) []queue.Result {
	var results []queue.Result
	for left := task.Rcpts; len(left) > 0; {
		var some []queue.Result
		some, left = l.deliver(ctx, task, left, content)
		results = append(results, some...)
	}
	return results
}

// deliver delivers to those recipients that can have the message together, and
// returns the others.
func (l *Local) deliver(ctx context.Context, task queue.Task, rcpts []queue.Recipient, content gomail.Content) (results []queue.Result, left []queue.Recipient) {
	t := &Transaction{service: l.service, id: newID(), from: task.Envelope.From}
	t.SetEnvelope(task.Envelope)
	for _, r := range rcpts {
		err := t.AddRecipient(ctx, r.Recipient)
		switch {
		case err == nil && t.hasLists() && len(t.routes) > 1: // a list answers for itself alone
			t.Withdraw()
			left = append(left, r)
		case err == nil:
			results = append(results, delivered(t, r.N))
		case gomail.KindOf(err) == gomail.TooMany && len(t.routes) > 0:
			left = append(left, r)
		default:
			results = append(results, failed(r.N, err))
		}
	}
	if len(t.routes) == 0 {
		return results, left
	}
	if err := l.store(ctx, t, content); err != nil {
		for i := range results {
			if results[i].Outcome == queue.Delivered {
				results[i] = failed(results[i].N, err)
			}
		}
	}
	return results, left
}

// delivered says what became of the recipient that was accepted last. Where a
// copy alone went on, the next server answers for notices of success.
func delivered(t *Transaction, n int) queue.Result {
	if t.hasLists() {
		return queue.Result{N: n, Outcome: queue.Delivered, Enhanced: "2.1.5", Text: "taken for the mailing list"}
	}
	if last := t.routes[len(t.routes)-1]; last.account.ID == 0 {
		return queue.Result{N: n, Outcome: queue.Delivered, Enhanced: "2.1.5", Text: "forwarded", PassedOn: true}
	}
	return queue.Result{N: n, Outcome: queue.Delivered, Enhanced: "2.1.5", Text: "delivered to the mailbox"}
}

// store copies the content and delivers it.
func (l *Local) store(ctx context.Context, t *Transaction, content gomail.Content) error {
	s := l.service
	header, err := message.ReadHeader(bufio.NewReader(io.NewSectionReader(content, 0, content.Size())))
	if err == nil {
		err = t.checkLoop(header)
	}
	if err != nil {
		return err
	}
	body := s.config.Store.Stage()
	defer body.Close()
	var indexer message.Indexer
	if _, err := io.Copy(io.MultiWriter(body, &indexer), io.NewSectionReader(content, 0, content.Size())); err != nil {
		return err
	}
	index := indexer.Finish()
	if err := s.toLists(ctx, t, mailauth.Result{}, verdict{role: gomail.RoleInbox}, arrival{index, content}); err != nil {
		return err
	}
	// Nothing is sealed: it was signed here when it was submitted.
	parts, kept, err := s.goOn(ctx, t, mailauth.Result{}, verdict{role: gomail.RoleInbox})
	if err != nil {
		return err
	}
	// No trace: the Received field was written when it was submitted.
	none := func(route) []byte { return nil }
	err = s.store(ctx, Delivery{
		Body: body, Index: index.Marshal(), Queue: parts, Senders: kept, Messages: t.perAccount(verdict{role: gomail.RoleInbox}, s.config.Clock(), none),
	})
	if err == nil {
		s.wentOn(t, parts)
	}
	return err
}

// failed turns an error of ours into an outcome.
func failed(n int, err error) queue.Result {
	r := queue.Result{N: n, Outcome: queue.Permanent, Text: err.Error()}
	switch kind := gomail.KindOf(err); {
	case kind == gomail.OverQuota:
		r.Outcome, r.Enhanced = queue.Temporary, "4.2.2"
	case kind.Temporary():
		r.Outcome, r.Enhanced = queue.Temporary, "4.3.0"
	case kind == gomail.Loop:
		r.Enhanced = "5.4.6"
	case kind == gomail.Refused:
		r.Enhanced = "5.7.1"
	case kind == gomail.TooLarge:
		r.Enhanced = "5.3.4"
	case kind == gomail.NotFound:
		r.Enhanced = "5.1.1"
	case kind == gomail.Disabled:
		r.Enhanced = "5.2.1"
	default:
		r.Enhanced = "5.0.0"
	}
	return r
}
