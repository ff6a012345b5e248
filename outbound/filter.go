package outbound

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"

	"gomail"
	"gomail/internal/spool"
	"gomail/message"
	"gomail/queue"
)

// Filter examines a message before it is queued, and may change it.
type Filter interface {
	// Examine returns the message as it is to be. body reads the message's
	// body from its beginning, as often as it is called. An error refuses the
	// message.
	Examine(ctx context.Context, header message.Header, body func() io.Reader) (message.Revision, error)
}

// draft is a message on its way through Submit.
type draft struct {
	id         string // names the message in logs and its Received field; empty: it gets none
	envelope   gomail.Envelope
	header     message.Header
	body       io.WriterTo
	quarantine string // why it is held in the queue; empty: it is not
	discard    bool
	kept       *spool.Spool // what body reads from; nil: the connection
}

func (d *draft) close() {
	if d.kept != nil {
		d.kept.Close()
	}
}

// examine has the draft filtered. It comes after the repair, so that filters
// see what is sent, and before our signatures, which cover what they changed.
func (s *Service) examine(ctx context.Context, d *draft, f Filter) error {
	d.kept = spool.New(s.config.SpoolDir)
	if _, err := d.body.WriteTo(d.kept); err != nil {
		return err
	}
	r, err := f.Examine(ctx, d.header, func() io.Reader { return d.kept.Reader(0) })
	if err != nil {
		return err
	}
	d.header, d.quarantine = r.Header, r.Quarantine
	d.body = bufio.NewReader(d.kept.Reader(0))
	if r.ReplaceBody {
		d.body = bytes.NewReader(r.Body)
	}
	s.readdress(ctx, d, r)
	d.discard = r.Discard || len(d.envelope.Recipients) == 0
	return nil
}

// readdress adds and removes recipients as the filter says.
func (s *Service) readdress(ctx context.Context, d *draft, r message.Revision) {
	known := func(list []gomail.Address, a gomail.Address) bool {
		return slices.ContainsFunc(list, func(x gomail.Address) bool { return x.Canonical() == a.Canonical() })
	}
	e := &d.envelope
	e.Recipients = slices.DeleteFunc(slices.Clone(e.Recipients), func(x gomail.Recipient) bool { return known(r.Remove, x.Address) })
	for _, a := range r.Add {
		if slices.ContainsFunc(e.Recipients, func(x gomail.Recipient) bool { return x.Address.Canonical() == a.Canonical() }) {
			continue
		}
		if err := s.CheckRecipient(ctx, e.Client.Account, a); err != nil {
			s.config.Logger.Warn("a recipient that a filter added was left out", slog.String("rcpt", a.String()), slog.Any("error", err))
			continue
		}
		e.Recipients = append(e.Recipients, gomail.Recipient{Address: a})
	}
}

// hold has the message wait in the queue for an administrator.
func (d *draft) hold(m *queue.Message) {
	if d.quarantine == "" {
		return
	}
	for i := range m.Rcpts {
		m.Rcpts[i].Status, m.Rcpts[i].LastError = queue.Held, "put aside by a filter: "+d.quarantine
	}
}
