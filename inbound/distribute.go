package inbound

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/lists"
	"gomail/mailauth"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/message"
	"gomail/queue"
)

// distribution is a post on its way to the members of a list.
type distribution struct {
	list   lists.List
	header message.Header // as all get it, without what each has of their own
	hash   []byte         // of the body, relaxed
	trace  []byte         // above the header: ARC, Received, Delivered-To
	keys   []domains.Signer
	now    time.Time
}

// distribute sends a post to every active member: one body for all, a few
// fields and an envelope for each. All of it becomes durable in one commit.
func (s *Service) distribute(ctx context.Context, t *Transaction, auth mailauth.Result, p lists.Post, a arrival, r route) error {
	members, err := s.config.Lists.Recipients(ctx, r.list.List)
	if err != nil || len(members) == 0 {
		s.logList(t, r, "not distributed: nobody is to get it", err)
		return err
	}
	body := s.config.Store.Stage()
	defer body.Close()
	rewrite := mustRewrite(t, auth, r.list.List, p.Header)
	d := &distribution{list: r.list.List, header: r.list.List.Header(p.Header, rewrite), now: s.config.Clock()}
	index, err := d.write(body, a, p.Header)
	if err != nil {
		return err
	}
	if err := s.prepare(ctx, t, auth, r, d); err != nil {
		return err
	}
	delivery := Delivery{Body: body, Index: index.Marshal(), Distribution: &lists.Distribution{List: d.list.ID, Digest: p.Digest, At: d.now}}
	inside := map[gomail.AccountID]lists.Member{}
	for _, m := range members {
		if err := s.copyFor(ctx, t, d, m, &delivery, inside); err != nil {
			return err
		}
	}
	if err := s.config.Store.Deliver(ctx, delivery); err != nil {
		return err
	}
	s.distributed(t, r, delivery, inside)
	outcome := fmt.Sprintf("distributed to %d members", len(members))
	if rewrite {
		outcome += ", with the list in From, for the author's signature would not hold"
	}
	s.logList(t, r, outcome, nil)
	return nil
}

// write puts the post as all get it into the body.
func (d *distribution) write(body io.Writer, a arrival, original message.Header) (*message.Index, error) {
	var indexer message.Indexer
	w := io.MultiWriter(body, &indexer)
	if _, err := w.Write(append(d.header.Bytes(), "\r\n"...)); err != nil {
		return nil, err
	}
	hash := dkim.NewBodyHash(dkim.Relaxed)
	start := int64(len(original.Bytes()) + len("\r\n"))
	if _, err := io.Copy(io.MultiWriter(w, hash), io.NewSectionReader(a.content, start, a.content.Size()-start)); err != nil {
		return nil, err
	}
	d.hash = hash.Sum()
	return indexer.Finish(), nil
}

// prepare makes what all copies have above the post.
func (s *Service) prepare(ctx context.Context, t *Transaction, auth mailauth.Result, r route, d *distribution) (err error) {
	if d.keys, err = s.config.Domains.Signers(ctx, d.list.Address.Domain); err != nil {
		return err
	}
	seal, err := s.sealedAs(auth, d.keys, d.header, d.hash, d.now)
	if err != nil {
		return err
	}
	d.trace = append(seal, s.forwardTrace(t, auth, r, d.now)...)
	return nil
}

// copyFor adds a member's copy to the delivery: for the mailbox of an account of
// ours, where it can go there at once, else for the queue.
func (s *Service) copyFor(ctx context.Context, t *Transaction, d *distribution, m lists.Member, to *Delivery, inside map[gomail.AccountID]lists.Member) error {
	own := s.config.Lists.Fields(d.list, m.Number)
	signatures, err := d.sign(own)
	if err != nil {
		return err
	}
	prefix, from := slices.Concat(signatures, own, d.trace), s.config.Lists.ReturnPath(d.list, m.Number)
	account := s.mailboxOf(ctx, m.Address)
	if _, has := inside[account]; has || account == 0 {
		to.Queue = append(to.Queue, s.queuedCopy(t, d, from, prefix, m))
		return nil
	}
	inside[account] = m
	delivered := fmt.Sprintf("Return-Path: <%s>\r\nDelivered-To: %s\r\n", from, m.Address)
	to.Messages = append(to.Messages, Incoming{Account: account, Role: gomail.RoleInbox, Prefix: append([]byte(delivered), prefix...), Received: d.now})
	return nil
}

// mailboxOf returns the account that an address leads to, and to nowhere else,
// if it has room; 0: the queue has to see.
func (s *Service) mailboxOf(ctx context.Context, a gomail.Address) gomail.AccountID {
	to, err := s.config.Domains.Resolve(ctx, a)
	if err != nil || len(to.Outside) > 0 || !to.Account.Room(1) {
		return 0
	}
	return to.Account.ID
}

// queuedCopy is a member's copy for the queue. Its envelope is the list's: who
// posted hears of no member (RFC 3461 section 5.2.7.3).
func (s *Service) queuedCopy(t *Transaction, d *distribution, from gomail.Address, prefix []byte, m lists.Member) queue.Message {
	return queue.Message{
		Key: queue.Key{Slot: queue.Slot(m.Address.Domain)}, Prefix: prefix, Received: d.now, Expires: d.now.Add(s.config.Lifetime),
		Envelope: gomail.Envelope{
			From: from, Return: "HDRS", SMTPUTF8: t.envelope.SMTPUTF8 || !m.Address.IsASCII(), EightBit: t.envelope.EightBit, TLS: message.TLSNeed(t.envelope.TLS, d.header),
		},
		Rcpts: []queue.Recipient{{
			Recipient: gomail.Recipient{Address: m.Address, Notify: gomail.NotifyFailure}, Site: m.Address.Domain, Due: d.now.Truncate(time.Microsecond),
		}},
	}
}

// sign signs a copy as the list's domain, its own fields among the rest (RFC
// 8058 section 4).
func (d *distribution) sign(own []byte) ([]byte, error) {
	fields, err := message.ParseHeader(own)
	if err != nil {
		return nil, err
	}
	var all []byte
	header := append(fields, d.header...)
	for _, k := range d.keys {
		field, err := dkim.Sign(dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.Private, Time: d.now}, header, d.hash)
		if err != nil {
			return nil, fmt.Errorf("sign with the key %s of %s: %w", k.Selector, k.Domain, err)
		}
		all = append(all, field...)
	}
	return all, nil
}

// mustRewrite reports whether the list has to put itself into From: the author's
// domain has what fails DMARC put aside or refused, the list's signature does not
// speak for it, and none of its own survives what the list changes.
func mustRewrite(t *Transaction, auth mailauth.Result, l lists.List, header message.Header) bool {
	authors := message.FromDomains(header)
	if len(authors) == 0 {
		return false // nobody judges it by its author
	}
	judged := t.check != nil
	if judged && auth.DMARC.Published != dmarc.Quarantine && auth.DMARC.Published != dmarc.Reject {
		return false
	}
	return slices.ContainsFunc(authors, func(author string) bool {
		ours := author == l.Address.Domain || !auth.DMARC.Record.StrictDKIM && aligned(auth, l.Address.Domain, author)
		return !ours && !survives(auth, judged, author, l.Changed(), header)
	})
}

// survives reports whether a signature of the author's domain holds that is over
// none of the fields. What came from an account of ours, or over LMTP, was not
// verified: it is taken to be right.
func survives(auth mailauth.Result, judged bool, author string, changed []string, header message.Header) bool {
	for _, value := range header.Values("DKIM-Signature") {
		tags, err := dkim.ParseTags(value)
		if err != nil || judged && !passed(auth, tags) {
			continue
		}
		signer := strings.ToLower(tags.Get("d"))
		speaks := signer == author || !auth.DMARC.Record.StrictDKIM && aligned(auth, signer, author)
		if speaks && !signs(tags, changed) {
			return true
		}
	}
	return false
}

// passed reports whether a signature was found to hold. A milter may have put
// others before it, so that it is known by its beginning (RFC 6008).
func passed(auth mailauth.Result, tags dkim.Tags) bool {
	value := strings.Join(strings.Fields(tags.Get("b")), "")
	return slices.ContainsFunc(auth.DKIM, func(r dkim.Result) bool {
		return r.Status == dkim.Pass && r.Prefix != "" && strings.HasPrefix(value, r.Prefix)
	})
}

// signs reports whether a signature is over any of the fields.
func signs(tags dkim.Tags, fields []string) bool {
	return slices.ContainsFunc(strings.Split(tags.Get("h"), ":"), func(name string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(strings.TrimSpace(name), f) })
	})
}

// distributed tells the queue, and the log under which names the copies go on.
func (s *Service) distributed(t *Transaction, r route, d Delivery, inside map[gomail.AccountID]lists.Member) {
	if len(d.Queue) > 0 {
		s.config.Added(d.Queue)
	}
	log := s.config.Logger.With(slog.String("msgid", t.id), slog.String("list", r.list.List.Address.String()))
	for _, m := range d.Messages {
		log.Info("distributed", slog.String("outcome", "delivered"), slog.String("rcpt", inside[m.Account].Address.String()))
	}
	for _, m := range d.Queue {
		log.Info("distributed", slog.String("outcome", "queued"), slog.Int64("queueid", m.ID), slog.String("from", m.Envelope.From.String()), slog.String("rcpt", m.Rcpts[0].Address.String()))
	}
}
