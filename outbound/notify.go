package outbound

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"gomail"
	"gomail/message"
	"gomail/queue"
)

// maxReturned is how much of a message a notification gives back. Above it
// only the header is returned (RFC 3461 section 4.3 lets us).
const maxReturned = 256 << 10

// Notify sends a delivery status notification (RFC 3464) to the sender of a
// queued message, signed as the sender's domain where that is ours. content is
// the message as it was sent.
func (s *Service) Notify(ctx context.Context, n queue.Notice, content gomail.Content) error {
	to := n.Message.Envelope.From
	if to.IsNull() {
		return nil
	}
	from := s.reporter(ctx, to)
	report, err := s.buildReport(n, from, content)
	if err != nil {
		return err
	}
	envelope := gomail.Envelope{Recipients: []gomail.Recipient{{Address: to, Notify: gomail.NotifyNever}}, SMTPUTF8: !to.IsASCII()}
	if n.Message.Envelope.TLS == gomail.TLSRequired { // RFC 8689 section 5
		envelope.TLS = gomail.TLSRequired
	}
	return s.sendOwn(ctx, envelope, from.Domain, report)
}

// reporter is who a notification is from: postmaster of the sender's domain
// where it is ours, so that it is signed and aligned, else of this host.
func (s *Service) reporter(ctx context.Context, to gomail.Address) gomail.Address {
	if hosted, err := s.config.Domains.Hosted(ctx, to.Domain); err == nil && hosted {
		return gomail.Address{Local: "postmaster", Domain: to.Domain}
	}
	return gomail.Address{Local: "postmaster", Domain: s.config.Hostname}
}

// sendOwn queues a message of the server itself, signed.
func (s *Service) sendOwn(ctx context.Context, envelope gomail.Envelope, domain string, text []byte) error {
	in := bufio.NewReader(bytes.NewReader(text))
	header, err := message.ReadHeader(in)
	if err != nil {
		return err
	}
	body := s.config.Store.Stage()
	defer body.Close()
	hash, err := takeIn(header, in, body)
	if err != nil {
		return err
	}
	signatures, _, err := s.sign(ctx, domain, header, hash)
	if err != nil {
		return err
	}
	envelope.TLS = message.TLSNeed(envelope.TLS, header)
	_, err = s.enqueue(ctx, &draft{envelope: envelope}, signatures, body)
	return err
}

// buildReport renders the notification.
func (s *Service) buildReport(n queue.Notice, from gomail.Address, content gomail.Content) ([]byte, error) {
	header, original, full, err := quote(n, content)
	if err != nil {
		return nil, err
	}
	var random [32]byte
	rand.Read(random[:])
	dsn := message.DSN{
		ReportingMTA: s.config.Hostname, From: "Mail Delivery System <" + from.String() + ">", To: n.Message.Envelope.From,
		EnvelopeID: n.Message.Envelope.EnvelopeID, DeliverBy: n.Message.Envelope.DeliverBy.Deadline, Release: n.Message.Envelope.Release, Arrival: n.Message.Received, Subject: header.Get("Subject"),
		Original: original, OriginalFull: full, Date: s.config.Clock(),
		MessageID: message.NewMessageID([16]byte(random[:16]), from.Domain), Boundary: fmt.Sprintf("%x", random[16:]),
	}
	for _, e := range n.Events {
		dsn.Recipients = append(dsn.Recipients, reportRecipient(n, e))
	}
	return message.BuildDSN(dsn), nil
}

// quote reads what the notification gives back: the whole message when its
// sender asked for it and it is small and failed, else its header.
func quote(n queue.Notice, content gomail.Content) (header message.Header, original []byte, full bool, err error) {
	reader := bufio.NewReader(io.NewSectionReader(content, 0, content.Size()))
	header, err = message.ReadHeader(reader)
	if err != nil {
		return nil, nil, false, err
	}
	failed := false
	for _, e := range n.Events {
		failed = failed || e.Action == queue.ActionFailed
	}
	full = failed && n.Message.Envelope.Return != "HDRS" && n.Message.Envelope.TLS != gomail.TLSRequired && content.Size() <= maxReturned
	if !full {
		return header, header.Bytes(), false, nil
	}
	original = make([]byte, content.Size())
	if _, err := content.ReadAt(original, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, false, err
	}
	return header, original, true, nil
}

// reportRecipient renders one recipient's event.
func reportRecipient(n queue.Notice, e queue.NoticeEvent) message.DSNRecipient {
	r := message.DSNRecipient{
		Original: e.Recipient.Original, Final: e.Recipient.Address, Action: message.DSNAction(e.Action),
		Status: e.Result.Enhanced, DiagnosticCode: diagnostic(e.Result), LastAttempt: e.At,
	}
	r.RemoteMTA, _, _ = strings.Cut(e.Result.Remote, " ")
	switch {
	case e.Action == queue.ActionDelayed && e.Late: // RFC 2852 section 4.1.3
		r.WillRetryUntil, r.Status = n.Message.Expires, "4.4.7"
		r.DiagnosticCode = "the time by which it was to be delivered has passed; the last attempt ended with: " + e.Result.Text
		r.RemoteMTA = ""
	case e.Action == queue.ActionDelayed:
		r.WillRetryUntil = n.Message.Expires
	case e.Action == queue.ActionFailed && e.Result.Outcome == queue.Temporary:
		// It expired: 4.x.x would say that we go on trying.
		r.Status = "5.4.7"
		r.DiagnosticCode = "the message could not be delivered in time; the last attempt ended with: " + e.Result.Text
		r.RemoteMTA = ""
	}
	if r.Status == "" {
		r.Status = map[queue.Action]string{queue.ActionFailed: "5.0.0", queue.ActionDelayed: "4.0.0"}[e.Action]
	}
	if r.Status == "" {
		r.Status = "2.0.0"
	}
	return r
}

// diagnostic is what the other server said, as it said it, or our own reason.
func diagnostic(r queue.Result) string {
	if r.Code == 0 {
		return r.Text
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)), " ")
}
