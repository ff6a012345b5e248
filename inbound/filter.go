package inbound

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"slices"

	"gomail"
	"gomail/internal/spool"
	"gomail/message"
)

// Filter examines a message before it is taken, and may change it.
type Filter interface {
	// Examine returns the message as it is to be. body reads the message's
	// body from its beginning, as often as it is called. An error refuses the
	// message.
	Examine(ctx context.Context, header message.Header, body func() io.Reader) (message.Revision, error)
}

// ID names the transaction in logs, replies and trace fields.
func (t *Transaction) ID() string { return t.id }

// SetFilter has the transaction's message examined.
func (t *Transaction) SetFilter(f Filter) { t.filter = f }

// Withdraw takes the recipient back that was accepted last.
func (t *Transaction) Withdraw() { t.routes = t.routes[:len(t.routes)-1] }

// examine has a message filtered, which is kept because the filter may change
// what stands at its beginning once it has seen the end, and writes what it is to be to the body.
func (s *Service) examine(ctx context.Context, t *Transaction, kept *spool.Spool, body io.Writer) (*message.Index, message.Revision, error) {
	header, err := message.ReadHeader(bufio.NewReader(kept.Reader(0)))
	if err != nil {
		return nil, message.Revision{}, err
	}
	start := int64(len(header.Bytes()) + len("\r\n"))
	original := func() io.Reader { return kept.Reader(start) }
	r, err := t.filter.Examine(ctx, header, original)
	if err != nil || r.Discard {
		return nil, r, err
	}
	s.readdress(ctx, t, r)
	var indexer message.Indexer
	w := io.MultiWriter(body, &indexer)
	if _, err := w.Write(append(r.Header.Bytes(), "\r\n"...)); err != nil {
		return nil, r, err
	}
	if t.onward != nil { // what goes on is what the filter made of it
		t.onward = newOnward(r.Header)
		w = io.MultiWriter(w, t.onward.hash)
	}
	if r.ReplaceBody {
		_, err = w.Write(r.Body)
	} else {
		_, err = io.Copy(w, original())
	}
	return indexer.Finish(), r, err
}

// readdress adds and removes recipients as the filter says. Those that are not
// ours are left out: nothing is relayed.
func (s *Service) readdress(ctx context.Context, t *Transaction, r message.Revision) {
	t.routes = slices.DeleteFunc(t.routes, func(x route) bool {
		return slices.ContainsFunc(r.Remove, func(a gomail.Address) bool { return a.Canonical() == x.recipient.Address.Canonical() })
	})
	for _, a := range r.Add {
		if slices.ContainsFunc(t.routes, func(x route) bool { return x.recipient.Address.Canonical() == a.Canonical() }) {
			continue
		}
		if err := t.AddRecipient(ctx, gomail.Recipient{Address: a}); err != nil {
			s.config.Logger.Warn("a recipient that a filter added was left out", slog.String("msgid", t.id), slog.String("rcpt", a.String()), slog.Any("error", err))
		}
	}
}
