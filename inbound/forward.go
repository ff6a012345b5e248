package inbound

import (
	"context"
	"crypto/rsa"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/mailauth"
	"gomail/mailauth/arc"
	"gomail/mailauth/dkim"
	"gomail/message"
	"gomail/queue"
)

// onward is what is known of a message that goes on to others by the time that
// it has been taken in.
type onward struct {
	header message.Header // as it goes on
	hash   *dkim.BodyHash // of its body
}

func newOnward(header message.Header) *onward {
	return &onward{header, dkim.NewBodyHash(dkim.Relaxed)}
}

// SetEnvelope says what else the client said of the message: RET, ENVID,
// SMTPUTF8, BODY and REQUIRETLS go on with what is forwarded.
func (t *Transaction) SetEnvelope(e gomail.Envelope) {
	t.envelope = gomail.Envelope{Return: e.Return, EnvelopeID: e.EnvelopeID, SMTPUTF8: e.SMTPUTF8, EightBit: e.EightBit, TLS: e.TLS}
}

// forwarding returns the recipient whose mail goes on. There is one at most:
// the copies of several would tell each where else the message went.
func (t *Transaction) forwarding() (route, bool) {
	i := slices.IndexFunc(t.routes, func(r route) bool { return len(r.outside) > 0 })
	if i < 0 {
		return route{}, false
	}
	return t.routes[i], true
}

// oneForward refuses a second recipient whose mail goes on, for now: the client
// sends it in a transaction of its own.
func (t *Transaction) oneForward(d domains.Destination, rcpt gomail.Address) error {
	other, is := t.forwarding()
	if !is || len(d.Outside) == 0 || other.recipient.Address.Canonical() == rcpt.Canonical() {
		return nil
	}
	return gomail.Errorf(gomail.TooMany, "one recipient whose mail is forwarded at a time: send the message to %s once more", rcpt)
}

// checkLoop refuses a message that has been forwarded for the same address
// before.
func (t *Transaction) checkLoop(header message.Header) error {
	r, is := t.forwarding()
	if !is {
		return nil
	}
	for _, before := range header.Values("Delivered-To") {
		if a, err := gomail.ParseAddress(before); err == nil && a.Canonical() == r.recipient.Address.Canonical() {
			return gomail.Errorf(gomail.Loop, "the message was forwarded for %s before: it goes round in a loop", r.recipient.Address)
		}
	}
	return nil
}

// goOn makes the copies that leave: to where an alias leads outside, or back to
// who sent what was forwarded. Junk does not go on; who would get nothing else
// is refused it.
func (s *Service) goOn(ctx context.Context, t *Transaction, auth mailauth.Result, v verdict) ([]queue.Message, []domains.KeptSender, error) {
	r, is := t.forwarding()
	if !is {
		return nil, nil, nil
	}
	if v.role == gomail.RoleJunk {
		if !slices.ContainsFunc(t.routes, func(r route) bool { return r.account.ID != 0 }) {
			return nil, nil, gomail.Errorf(gomail.Refused, "mail for %s is forwarded, and this message looks like junk", r.recipient.Address)
		}
		s.config.Logger.Info("not forwarded: it looks like junk", slog.String("msgid", t.id), slog.String("rcpt", r.recipient.Address.String()))
		return nil, nil, nil
	}
	from, kept, err := s.config.Domains.ForwardedBy(ctx, r.recipient.Address.Domain, t.from)
	if err != nil {
		return nil, nil, err
	}
	now := s.config.Clock()
	prefix, err := s.sealed(ctx, t, auth, r.recipient.Address.Domain, now)
	if err != nil {
		return nil, nil, err
	}
	m := queue.Message{Envelope: t.envelope, Prefix: append(prefix, s.forwardTrace(t, auth, r, now)...), Received: now, Expires: now.Add(s.config.Lifetime)}
	m.Envelope.From = from
	if t.onward != nil {
		m.Envelope.TLS = message.TLSNeed(m.Envelope.TLS, t.onward.header)
	}
	for _, target := range r.outside {
		m.Rcpts = append(m.Rcpts, queue.Recipient{Recipient: forwardedRecipient(r.recipient, target), Due: now.Truncate(time.Microsecond)})
	}
	return queue.Split(m), kept, nil
}

// forwardedRecipient keeps what the sender wants to hear (RFC 3461 section
// 5.2.7): NOTIFY and ORCPT, which names the alias where the sender did not say.
func forwardedRecipient(r gomail.Recipient, target gomail.Address) gomail.Recipient {
	if r.Original == "" {
		kind := "rfc822;"
		if !r.Address.IsASCII() {
			kind = "utf-8;"
		}
		r.Original = kind + r.Address.String()
	}
	r.Address = target
	return r
}

// forwardTrace is our trace of a forwarded message. Nothing else of it is
// changed, so that its author's signature holds.
func (s *Service) forwardTrace(t *Transaction, auth mailauth.Result, r route, now time.Time) string {
	delivered := "Delivered-To: " + r.recipient.Address.String() + "\r\n"
	if t.client == nil { // it was queued here, and has its trace
		return delivered
	}
	return s.received(t, auth, r.recipient.Address, now) + delivered
}

// sealed returns a further set of the message's ARC chain, sealed by the
// domain that forwards it. It is empty when the domain has no key, the chain
// takes no set, or nothing was authenticated.
func (s *Service) sealed(ctx context.Context, t *Transaction, auth mailauth.Result, domain string, now time.Time) ([]byte, error) {
	if t.onward == nil {
		return nil, nil
	}
	keys, err := s.config.Domains.Signers(ctx, domain)
	if err != nil {
		return nil, err
	}
	return s.sealedAs(auth, keys, t.onward.header, t.onward.hash.Sum(), now)
}

// sealedAs is sealed for a header and the hash of a body.
func (s *Service) sealedAs(auth mailauth.Result, keys []domains.Signer, header message.Header, hash []byte, now time.Time) ([]byte, error) {
	instance, ok := auth.ARC.Next()
	if !ok || len(keys) == 0 || header.Count("From") == 0 {
		return nil, nil
	}
	key := sealingKey(keys)
	opts := dkim.SignOptions{Domain: key.Domain, Selector: key.Selector, Signer: key.Private, Time: now}
	return arc.Seal(opts, auth.ARC, auth.ARCResults(s.config.Hostname, instance), header, hash)
}

// sealingKey prefers RSA: RFC 8617 knows no other, and few verify Ed25519.
func sealingKey(keys []domains.Signer) domains.Signer {
	for _, k := range keys {
		if _, isRSA := k.Private.Public().(*rsa.PublicKey); isRSA {
			return k
		}
	}
	return keys[0]
}

// wentOn tells the queue, and the log under which names the copies go on.
func (s *Service) wentOn(t *Transaction, parts []queue.Message) {
	if len(parts) == 0 {
		return
	}
	s.config.Added(parts)
	if r, is := t.forwarding(); is {
		s.forwards.count(r.recipient.Address, s.config.Clock())
	}
	for _, p := range parts {
		var to []string
		for _, r := range p.Rcpts {
			to = append(to, r.Address.String())
		}
		s.config.Logger.Info("forwarded", slog.String("msgid", t.id), slog.Int64("queueid", p.ID), slog.String("from", p.Envelope.From.String()), slog.String("rcpt", strings.Join(to, " ")))
	}
}
