package inbound

import (
	"context"
	"io"
	"log/slog"

	"gomail"
	"gomail/mailauth"
)

// Hand prepares for what another mail server of this machine hands over by
// LMTP. It has judged the messages: where they came from cannot be seen any
// more.
func (s *Service) Hand(client *gomail.Client) *Connection {
	return &Connection{service: s, client: client}
}

// Handover takes the content of a transaction that came over LMTP, and says
// for every accepted recipient, in order, what became of it; nil: the message is
// durable for them. Those that are taken are so in one commit.
func (s *Service) Handover(ctx context.Context, t *Transaction, r io.Reader) (Receipt, []error) {
	all := t.routes
	body := s.config.Store.Stage()
	defer body.Close()
	copied := t.copy()
	defer copied.Close()
	index, err := s.takeIn(t, r, beside(body, copied))
	if err != nil {
		_, err = s.refuse(t, mailauth.Result{}, err)
		return Receipt{}, same(err, len(all))
	}
	results := t.settle(ctx, body.Size())
	if len(t.routes) == 0 {
		return Receipt{}, results
	}
	now := s.config.Clock()
	err = s.toLists(ctx, t, mailauth.Result{}, verdict{role: gomail.RoleInbox}, arrival{index, copied})
	if err != nil {
		return Receipt{}, fill(results, err)
	}
	t.tellRefused(results)
	parts, kept, err := s.goOn(ctx, t, mailauth.Result{}, verdict{role: gomail.RoleInbox})
	if err != nil {
		return Receipt{}, same(err, len(all))
	}
	delivery := Delivery{Body: body, Index: index.Marshal(), Queue: parts, Senders: kept, Messages: t.perAccount(verdict{role: gomail.RoleInbox}, now, func(r route) []byte {
		return []byte(s.received(t, mailauth.Result{}, r.recipient.Address, now))
	})}
	if err := s.store(ctx, delivery); err != nil {
		_, err = s.refuse(t, mailauth.Result{}, err)
		return Receipt{}, fill(results, err)
	}
	s.wentOn(t, parts)
	return s.accept(t, mailauth.Result{}, verdict{role: gomail.RoleInbox}, index.Size), results
}

// settle looks again at every recipient, now that the message's size is known,
// and keeps the routes of those who can have it.
func (t *Transaction) settle(ctx context.Context, size int64) []error {
	accepted := t.routes
	t.routes, t.size = nil, size
	results := make([]error, len(accepted))
	for i, r := range accepted {
		if results[i] = t.AddRecipient(ctx, r.recipient); gomail.KindOf(results[i]) == gomail.OverQuota && r.account.QuotaMax > 0 && size > r.account.QuotaMax {
			results[i] = gomail.Errorf(gomail.TooLarge, "the message is larger than the mailbox %s", r.recipient.Address)
		}
		if results[i] != nil {
			t.service.config.Logger.Warn("received", slog.String("outcome", "refused"), slog.String("msgid", t.id),
				slog.String("rcpt", r.recipient.Address.String()), slog.Any("error", results[i]))
		}
	}
	return results
}

// tellRefused puts what lists refused into the results of those recipients that
// were accepted, whose routes these are.
func (t *Transaction) tellRefused(results []error) {
	next := 0
	for i := range results {
		if results[i] == nil {
			results[i] = t.routes[next].refused
			next++
		}
	}
}

// fill gives an error to those recipients that have none yet.
func fill(results []error, err error) []error {
	for i := range results {
		if results[i] == nil {
			results[i] = err
		}
	}
	return results
}

func same(err error, n int) []error {
	all := make([]error, n)
	for i := range all {
		all[i] = err
	}
	return all
}
