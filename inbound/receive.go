package inbound

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gomail"
	"gomail/internal/spool"
	"gomail/internal/trail"
	"gomail/mailauth"
	"gomail/message"
)

// maxReceived is how many Received fields a message may carry before it is
// taken for a loop (RFC 5321 section 6.3).
const maxReceived = 50

// Receipt says what became of a message that was taken.
type Receipt struct {
	ID     string // of the message, in logs and the Received field
	Junked bool
}

// Receive takes the content of a transaction whose recipients were accepted:
// authenticate, judge, route, deliver. When it returns without error the
// message is durable for every recipient; with an error, for none.
func (s *Service) Receive(ctx context.Context, t *Transaction, r io.Reader) (Receipt, error) {
	body := s.config.Store.Stage()
	defer body.Close()
	if t.filter != nil {
		return s.receiveFiltered(ctx, t, r, body)
	}
	copied := t.copy()
	defer copied.Close()
	index, err := s.takeIn(t, r, beside(body, copied))
	if err != nil {
		return s.refuse(t, mailauth.Result{}, err)
	}
	t.messageID = index.Envelope.MessageID
	auth := t.check.Finish(ctx)
	verdict := s.judge(auth)
	verdict = s.sift(ctx, t, auth, verdict)
	s.judged(t, auth, verdict)
	if verdict.refusal != nil {
		return s.refuse(t, auth, verdict.refusal)
	}
	verdict = s.read(ctx, t, auth, verdict, index, copied)
	return s.deliver(ctx, t, auth, verdict, body, index, copied)
}

// beside writes to the body and, when there is one, to the copy.
func beside(body io.Writer, copied *spool.Spool) io.Writer {
	if copied == nil {
		return body
	}
	return io.MultiWriter(body, copied)
}

// receiveFiltered is Receive for a message that is examined: what is
// authenticated is the message as it came, what is delivered is what the filter
// made of it.
func (s *Service) receiveFiltered(ctx context.Context, t *Transaction, r io.Reader, body gomail.Body) (Receipt, error) {
	kept := spool.New(s.config.SpoolDir)
	defer kept.Close()
	original, err := s.takeIn(t, r, kept)
	if err != nil {
		return s.refuse(t, mailauth.Result{}, err)
	}
	t.messageID = original.Envelope.MessageID
	auth := t.check.Finish(ctx)
	verdict := s.judge(auth)
	verdict = s.sift(ctx, t, auth, verdict)
	s.judged(t, auth, verdict)
	if verdict.refusal != nil {
		return s.refuse(t, auth, verdict.refusal)
	}
	verdict = s.read(ctx, t, auth, verdict, original, kept)
	examined := t.copy()
	defer examined.Close()
	index, revision, err := s.examine(ctx, t, kept, beside(body, examined))
	switch {
	case err != nil:
		return s.refuse(t, auth, err)
	case revision.Discard || len(t.routes) == 0:
		s.logOutcome(slog.LevelInfo, "discarded", t, auth, slog.Int64("size", original.Size))
		return Receipt{ID: t.id}, nil
	case revision.Quarantine != "":
		verdict.role = gomail.RoleJunk
		s.logOutcome(slog.LevelInfo, "put aside", t, auth, slog.String("reason", revision.Quarantine))
	}
	return s.deliver(ctx, t, auth, verdict, body, index, examined)
}

// deliver makes the message durable for every recipient. content is what the
// body holds, for mailing lists.
func (s *Service) deliver(ctx context.Context, t *Transaction, auth mailauth.Result, verdict verdict, body gomail.Body, index *message.Index, content *spool.Spool) (Receipt, error) {
	if err := s.toLists(ctx, t, auth, verdict, arrival{index, content}); err != nil {
		return s.refuse(t, auth, err)
	}
	parts, kept, err := s.goOn(ctx, t, auth, verdict)
	if err != nil {
		return s.refuse(t, auth, err)
	}
	delivery := Delivery{Body: body, Index: index.Marshal(), Messages: s.address(t, auth, verdict), Queue: parts, Senders: kept}
	if err := s.store(ctx, delivery); err != nil {
		return s.refuse(t, auth, err)
	}
	s.wentOn(t, parts)
	s.bounceRefused(ctx, t, auth, content)
	return s.accept(t, auth, verdict, index.Size), nil
}

// store makes a delivery durable. Where lists alone were meant there is nothing
// left to do.
func (s *Service) store(ctx context.Context, d Delivery) error {
	if len(d.Messages) == 0 && len(d.Queue) == 0 {
		return nil
	}
	return s.config.Store.Deliver(ctx, d)
}

// takeIn reads the message once: its header is checked and cleaned, its body
// streams to the store, to the index and to the signature checks.
func (s *Service) takeIn(t *Transaction, r io.Reader, body io.Writer) (*message.Index, error) {
	in := readerPool.Get().(*bufio.Reader)
	in.Reset(r)
	defer func() { in.Reset(nil); readerPool.Put(in) }()
	header, err := message.ReadHeader(in)
	if err != nil {
		return nil, err
	}
	if header.Count("Received") > maxReceived {
		return nil, gomail.Errorf(gomail.Loop, "the message has been through more than %d servers: it seems to go round in a loop", maxReceived)
	}
	if err := t.checkLoop(header); err != nil {
		return nil, err
	}
	var indexer message.Indexer
	writers := []io.Writer{body, &indexer}
	kept := s.clean(header)
	if _, err := io.MultiWriter(writers...).Write(append(kept.Bytes(), "\r\n"...)); err != nil {
		return nil, err
	}
	t.header = header
	if t.check != nil {
		t.check.Header(header)
		writers = append(writers, t.check)
	}
	if _, is := t.forwarding(); is {
		t.onward = newOnward(kept)
		writers = append(writers, t.onward.hash)
	}
	if _, err := in.WriteTo(io.MultiWriter(writers...)); err != nil {
		return nil, err
	}
	return indexer.Finish(), nil
}

var readerPool = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 32<<10) }}

// clean returns the header without the fields that only we may write: results
// in our name, and the envelope's sender.
func (s *Service) clean(header message.Header) message.Header {
	return header.Without(func(f message.Field) bool {
		return f.Is("Return-Path") || mailauth.IsForgedAuthResults(f, s.config.Hostname)
	})
}

// verdict is what is to be done with a message.
type verdict struct {
	refusal error
	role    gomail.MailboxRole // of the mailbox it goes to
	flags   gomail.Flags       // it has there
}

// judge turns the authentication's result into what is done, within the mode.
// Where the result is not known (a DNS fault), the message is taken.
func (s *Service) judge(auth mailauth.Result) verdict {
	action, reason := auth.Action()
	switch {
	case action == mailauth.ActionReject && s.config.Mode == Reject:
		return verdict{refusal: gomail.Errorf(gomail.Refused, "%s", reason)}
	case action != mailauth.ActionNone && s.config.Mode != Observe:
		return verdict{role: gomail.RoleJunk}
	}
	return verdict{role: gomail.RoleInbox}
}

// address makes one message per account. Recipients that lead to the same
// account share it.
func (s *Service) address(t *Transaction, auth mailauth.Result, v verdict) []Incoming {
	now := s.config.Clock()
	common := auth.AuthenticationResults(s.config.Hostname)
	common = append(common, auth.ReceivedSPF()...)
	return t.perAccount(v, now, func(r route) []byte {
		return append(slices.Clone(common), s.received(t, auth, r.recipient.Address, now)...)
	})
}

// perAccount makes one message per account: the envelope's sender, every
// recipient that led there, and what trace says of the first of them.
func (t *Transaction) perAccount(v verdict, now time.Time, trace func(route) []byte) []Incoming {
	var messages []Incoming
	for i, r := range t.routes {
		if r.account.ID == 0 || seenBefore(t.routes[:i], r.account.ID) {
			continue
		}
		prefix := t.returnPath()
		for _, other := range t.routes[i:] {
			if other.account.ID == r.account.ID {
				prefix = append(prefix, "Delivered-To: "+other.recipient.Address.String()+"\r\n"...)
			}
		}
		prefix = append(prefix, trace(r)...)
		messages = append(messages, Incoming{Account: r.account.ID, Role: v.role, Flags: v.flags, Prefix: prefix, Received: now})
	}
	return messages
}

func seenBefore(routes []route, id gomail.AccountID) bool {
	for _, r := range routes {
		if r.account.ID == id {
			return true
		}
	}
	return false
}

// accept logs and counts a message that was taken.
func (s *Service) accept(t *Transaction, auth mailauth.Result, v verdict, size int64) Receipt {
	receipt := Receipt{ID: t.id, Junked: v.role == gomail.RoleJunk}
	outcome := "delivered"
	switch {
	case !slices.ContainsFunc(t.routes, func(r route) bool { return r.account.ID != 0 || r.list == nil }):
		outcome = "list"
	case !slices.ContainsFunc(t.routes, func(r route) bool { return r.account.ID != 0 }):
		outcome = "forwarded"
	case receipt.Junked:
		outcome = "junked"
	case v.role == gomail.RoleArchive:
		outcome = "read"
	}
	s.config.Metrics.Received(outcome)
	s.logOutcome(slog.LevelInfo, outcome, t, auth, slog.Int64("size", size))
	return receipt
}

// refuse logs and counts a message that was not taken.
func (s *Service) refuse(t *Transaction, auth mailauth.Result, err error) (Receipt, error) {
	outcome := "refused"
	if gomail.KindOf(err).Temporary() {
		outcome = "failed"
	}
	s.config.Metrics.Received(outcome)
	s.logOutcome(slog.LevelWarn, outcome, t, auth, slog.Any("error", err))
	return Receipt{}, err
}

func (s *Service) logOutcome(level slog.Level, outcome string, t *Transaction, auth mailauth.Result, more slog.Attr) {
	rcpts := make([]string, len(t.routes))
	for i, r := range t.routes {
		rcpts[i] = r.recipient.Address.String()
	}
	s.config.Logger.LogAttrs(context.Background(), level, "received", slog.String("outcome", outcome), slog.String("msgid", t.id),
		slog.String("remote", t.client.Remote()), slog.String("from", t.from.String()), slog.Any("rcpt", rcpts),
		slog.String("auth", auth.Summary()), slog.String("message_id", t.messageID), slog.Any(trail.Detail, auth.Explain()), more)
}
