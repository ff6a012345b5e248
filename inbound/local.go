package inbound

import (
	"context"
	"io"

	"gomail"
	"gomail/message"
	"gomail/queue"
)

// Local delivers queued mail to accounts of ours: what one of them sent to
// another never leaves the machine. It implements queue.Deliverer.
type Local struct{ service *Service }

// Local returns the deliverer to our own accounts.
func (s *Service) Local() *Local { return &Local{s} }

// Deliver puts the message into the recipients' mailboxes, all in one commit;
// those that lead nowhere fail for good.
func (l *Local) Deliver(ctx context.Context, task queue.Task, content gomail.Content) []queue.Result {
	results := make([]queue.Result, len(task.Rcpts))
	t := &Transaction{service: l.service, from: task.Envelope.From}
	for i, r := range task.Rcpts {
		results[i] = queue.Result{N: r.N, Outcome: queue.Delivered, Enhanced: "2.1.5", Text: "delivered to the mailbox"}
		if err := t.AddRecipient(ctx, r.Recipient); err != nil {
			results[i] = failed(r.N, err)
		}
	}
	if len(t.routes) == 0 {
		return results
	}
	if err := l.store(ctx, t, content); err != nil {
		for i := range results {
			if results[i].Outcome == queue.Delivered {
				results[i] = failed(results[i].N, err)
			}
		}
	}
	return results
}

// store copies the content and delivers it.
func (l *Local) store(ctx context.Context, t *Transaction, content gomail.Content) error {
	body := l.service.config.Store.Stage()
	defer body.Close()
	var indexer message.Indexer
	if _, err := io.Copy(io.MultiWriter(body, &indexer), io.NewSectionReader(content, 0, content.Size())); err != nil {
		return err
	}
	// No trace: the Received field was written when it was submitted.
	none := func(route) []byte { return nil }
	return l.service.config.Store.Deliver(ctx, Delivery{
		Body: body, Index: indexer.Finish().Marshal(), Messages: t.perAccount(verdict{role: gomail.RoleInbox}, l.service.config.Clock(), none),
	})
}

// failed turns an error of ours into an outcome.
func failed(n int, err error) queue.Result {
	r := queue.Result{N: n, Outcome: queue.Permanent, Text: err.Error()}
	switch kind := gomail.KindOf(err); {
	case kind == gomail.OverQuota:
		r.Outcome, r.Enhanced = queue.Temporary, "4.2.2"
	case kind.Temporary():
		r.Outcome, r.Enhanced = queue.Temporary, "4.3.0"
	case kind == gomail.NotFound:
		r.Enhanced = "5.1.1"
	case kind == gomail.Disabled:
		r.Enhanced = "5.2.1"
	default:
		r.Enhanced = "5.0.0"
	}
	return r
}
