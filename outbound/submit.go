package outbound

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/mailauth/dkim"
	"gomail/message"
	"gomail/queue"
)

// Submit takes a message from an account: sender rights, header repair, DKIM
// signatures, queue. When it returns without error the message is durable
// with all its recipients. It returns the name of the message in logs.
func (s *Service) Submit(ctx context.Context, envelope gomail.Envelope, r io.Reader) (string, error) {
	return s.SubmitFiltered(ctx, envelope, r, nil)
}

// SubmitFiltered is Submit for a message that a filter examines; nil: none.
func (s *Service) SubmitFiltered(ctx context.Context, envelope gomail.Envelope, r io.Reader, f Filter) (string, error) {
	id := newID()
	in := bufio.NewReaderSize(r, 32<<10)
	header, err := message.ReadHeader(in)
	if err != nil {
		return "", err
	}
	if err := s.checkAuthor(ctx, envelope.Client.Account, header); err != nil {
		return "", err
	}
	if err := s.checkBulk(ctx, envelope, header); err != nil {
		return "", err
	}
	d := &draft{id: id, envelope: envelope, header: s.repair(header, envelope.From), body: in}
	defer d.close()
	if f != nil {
		if err := s.examine(ctx, d, f); err != nil || d.discard {
			s.config.Logger.Info("submitted", slog.String("outcome", "discarded or refused by a filter"), slog.String("msgid", id), slog.Any("error", err))
			return id, err
		}
	}
	return id, s.accept(ctx, d)
}

// accept signs and queues a message.
func (s *Service) accept(ctx context.Context, d *draft) error {
	body := s.config.Store.Stage()
	defer body.Close()
	hash, err := takeIn(d.header, d.body, body)
	if err != nil {
		return err
	}
	signatures, names, err := s.sign(ctx, d.envelope.From.Domain, d.header, hash)
	if err != nil {
		return err
	}
	d.envelope.TLS = message.TLSNeed(d.envelope.TLS, d.header)
	parts, err := s.enqueue(ctx, d, signatures, body)
	if err != nil {
		return err
	}
	s.logQueued(d.id, parts[0].Key, d, names, body.Size())
	return nil
}

// checkAuthor refuses a message without exactly one From field, and one that
// claims an author whom the account may not speak for.
func (s *Service) checkAuthor(ctx context.Context, account gomail.AccountID, header message.Header) error {
	authors, err := message.Authors(header)
	if err != nil {
		return gomail.Errorf(gomail.Refused, "the message needs one valid From field: %w", err)
	}
	for _, a := range authors {
		if err := s.config.Domains.MaySend(ctx, account, a); err != nil {
			return err
		}
	}
	return nil
}

// checkBulk refuses mail to many that has a recipient who has asked, by a
// complaint, to get none.
func (s *Service) checkBulk(ctx context.Context, e gomail.Envelope, header message.Header) error {
	if s.config.Returns == nil || !isBulk(header) {
		return nil
	}
	for _, r := range e.Recipients {
		if err := s.config.Returns.Check(ctx, e.Client.Account, r.Address, true); err != nil {
			return err
		}
	}
	return nil
}

// isBulk reports whether a message says that it goes to many.
func isBulk(header message.Header) bool {
	precedence := strings.ToLower(strings.TrimSpace(header.Get("Precedence")))
	return header.Get("List-Id") != "" || header.Get("List-Unsubscribe") != "" || precedence == "bulk" || precedence == "list"
}

// repair adds what a message must have and takes out what it must not show
// (RFC 6409 section 8).
func (s *Service) repair(header message.Header, from gomail.Address) message.Header {
	header = header.Without(func(f message.Field) bool {
		return f.Is("Bcc") || f.Is("Resent-Bcc") || f.Is("Return-Path") || f.Is("DKIM-Signature")
	})
	add := func(name, value string) {
		if header.Get(name) == "" {
			header = header.Without(func(f message.Field) bool { return f.Is(name) })
			header = append(header, message.Field{Name: name, Raw: []byte(name + ": " + value + "\r\n")})
		}
	}
	add("Date", message.FormatDate(s.config.Clock()))
	var random [16]byte
	rand.Read(random[:])
	add("Message-ID", message.NewMessageID(random, from.Domain))
	return header
}

// takeIn writes the message to the body and returns the hash that all
// signatures share.
func takeIn(header message.Header, in io.WriterTo, body gomail.Body) ([]byte, error) {
	if _, err := body.Write(append(header.Bytes(), "\r\n"...)); err != nil {
		return nil, err
	}
	hash := dkim.NewBodyHash(dkim.Relaxed)
	if _, err := in.WriteTo(io.MultiWriter(body, hash)); err != nil {
		return nil, err
	}
	return hash.Sum(), nil
}

// sign returns a DKIM-Signature field for every active key of the author's
// domain, and the names of these keys. A domain without keys sends unsigned.
func (s *Service) sign(ctx context.Context, domain string, header message.Header, bodyHash []byte) (fields []byte, names []string, err error) {
	if from := message.FromDomains(header); len(from) > 0 {
		domain = from[0]
	}
	keys, err := s.config.Domains.Signers(ctx, domain)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range keys {
		field, err := dkim.Sign(dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.Private, Time: s.config.Clock()}, header, bodyHash)
		if err != nil {
			return nil, nil, fmt.Errorf("sign with the key %s of %s: %w", k.Selector, k.Domain, err)
		}
		fields = append(fields, field...)
		names = append(names, k.Selector+"._domainkey."+k.Domain)
	}
	return fields, names, nil
}

// received renders our trace field. It leaves out where the account was when
// it sent the message: that is nobody's business. Each part of a message has
// one of its own, that vouches for its recipients.
func (s *Service) received(d *draft, part queue.Message) string {
	id := d.id
	if s.config.Returns != nil {
		to := make([]gomail.Address, len(part.Rcpts))
		for i, r := range part.Rcpts {
			to[i] = r.Address
		}
		id = s.config.Returns.Trace(part.Account, id, to)
	}
	return message.FoldField("Received", fmt.Sprintf("from localhost by %s with %s id %s; %s",
		s.config.Hostname, d.envelope.Client.Protocol(), id, message.FormatDate(s.config.Clock())))
}

// enqueue stores the message with its recipients and tells the queue.
func (s *Service) enqueue(ctx context.Context, d *draft, signatures []byte, body gomail.Body) ([]queue.Message, error) {
	envelope := d.envelope
	now := s.config.Clock()
	m := queue.Message{Account: envelope.Client.Account, Envelope: envelope, Prefix: signatures, Received: now, Expires: now.Add(s.config.Lifetime)}
	due, waits := now, ""
	if at := envelope.Release; at.After(now) { // RFC 4865: the time that it is tried begins then
		due, waits = at, "it waits, as its sender asked, until "+at.UTC().Format("15:04:05 MST on 2 January 2006")
		m.Expires = at.Add(s.config.Lifetime)
	}
	m.Envelope.Recipients, m.Envelope.Client = nil, gomail.Client{}
	for _, r := range envelope.Recipients {
		m.Rcpts = append(m.Rcpts, queue.Recipient{Recipient: r, Due: due.Truncate(time.Microsecond), LastError: waits})
	}
	d.hold(&m)
	parts := queue.Split(m)
	for i := range parts {
		if d.id != "" {
			parts[i].Prefix = append(slices.Clip(signatures), s.received(d, parts[i])...)
		}
	}
	parts, err := s.config.Store.Enqueue(ctx, body, parts, s.config.Limiter.within(m.Account, len(m.Rcpts)))
	if err == nil {
		s.config.Added(parts)
	}
	return parts, err
}

// logQueued ties the message's name to its key in the queue, by which the
// lines about its delivery know it.
func (s *Service) logQueued(id string, key queue.Key, d *draft, signed []string, size int64) {
	e := d.envelope
	rcpts := make([]string, len(e.Recipients))
	for i, r := range e.Recipients {
		rcpts[i] = r.Address.String()
	}
	s.config.Logger.Info("submitted", slog.String("outcome", "queued"), slog.String("msgid", id), slog.Int64("queueid", key.ID), slog.Int64("account", int64(e.Client.Account)),
		slog.String("from", e.From.String()), slog.Any("rcpt", rcpts), slog.Int64("size", size), slog.String("message_id", d.header.Get("Message-ID")), slog.Any("signed", signed))
}
