package inbound

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"gomail"
	"gomail/domains"
	"gomail/lists"
	"gomail/mailauth"
	"gomail/mailauth/dmarc"
	"gomail/message"
	"gomail/queue"
)

// arrival is a message that has been taken in, to be read again for lists.
type arrival struct {
	index   *message.Index
	content interface {
		io.ReaderAt
		Size() int64
	}
}

// addList accepts a recipient that is an address of a mailing list.
func (t *Transaction) addList(ctx context.Context, r gomail.Recipient, to domains.Destination) error {
	if t.service.config.Lists == nil {
		return gomail.Errorf(gomail.NotFound, "there is no mailbox %s here", r.Address)
	}
	target, err := t.service.config.Lists.Resolve(ctx, to.List, to.ListTag)
	if err != nil {
		return err
	}
	if l := target.List; target.For == "" && l.MaxSize > 0 && t.size > l.MaxSize {
		return l.TooLarge()
	}
	t.routes = append(t.routes, route{recipient: r, list: &target})
	return nil
}

func (t *Transaction) hasLists() bool {
	return slices.ContainsFunc(t.routes, func(r route) bool { return r.list != nil })
}

// toLists does what the message's recipients that are lists' are for. It comes
// before the rest, and is idempotent: if the rest fails and the message comes
// again, no list distributes it again. An error means that a list refuses the
// message and nobody else was to get it; else the routes say so.
func (s *Service) toLists(ctx context.Context, t *Transaction, auth mailauth.Result, v verdict, a arrival) error {
	var refusal error
	taken := false
	for i := range t.routes {
		r := &t.routes[i]
		if r.list == nil {
			taken = true
			continue
		}
		err := s.toList(ctx, t, auth, v, a, r)
		if err != nil && gomail.KindOf(err).Temporary() {
			return err
		}
		if err != nil {
			s.logList(t, *r, "not distributed", err)
			refusal, r.refused = err, err
		}
		taken = taken || err == nil
	}
	if taken {
		return nil
	}
	return refusal
}

// toList does what the message is for at one list's address.
func (s *Service) toList(ctx context.Context, t *Transaction, auth mailauth.Result, v verdict, a arrival, r *route) error {
	switch r.list.For {
	case lists.ForBounce:
		what, err := s.config.Lists.Returned(ctx, *r.list, message.ReadReturned(a.index, a.content))
		s.logList(t, *r, "a copy came back: "+what, err)
		return err
	case lists.ForUnsubscribe:
		if t.from.IsNull() { // nobody's wish
			s.logList(t, *r, "not heeded: it came with the null sender", nil)
			return nil
		}
		_, err := s.config.Lists.Unsubscribe(ctx, r.list.List, r.list.Member, "by mail")
		return err
	}
	return s.post(ctx, t, auth, v, a, r)
}

// post distributes a message, or says why not. What a program has written goes
// to the list's owner: answered to all it would be answered by all.
func (s *Service) post(ctx context.Context, t *Transaction, auth mailauth.Result, v verdict, a arrival, r *route) error {
	l := r.list.List
	if v.role == gomail.RoleJunk {
		return gomail.Errorf(gomail.Refused, "the list %s takes no message that looks like junk", l.Address)
	}
	p, err := lists.Read(a.content, a.content.Size())
	if err != nil {
		return err
	}
	t.messageID = cmp.Or(t.messageID, p.Header.Get("Message-ID"))
	p.Null, p.Verified = t.from.IsNull(), verifier(t, auth)
	if p.Automatic() {
		return s.toOwner(ctx, t, p, r)
	}
	switch err := s.config.Lists.Allow(ctx, l, p); gomail.KindOf(err) {
	case gomail.None:
	case gomail.Exists:
		s.logList(t, *r, "not distributed again", err)
		return nil
	default:
		return err
	}
	return s.distribute(ctx, t, auth, p, a, *r)
}

// verifier tells whether a message is from an author's domain, as DMARC's
// relaxed alignment has it. What no server of ours has judged was by who
// handed it over: submission checks whom an account may speak for.
func verifier(t *Transaction, auth mailauth.Result) func(gomail.Address) bool {
	return func(author gomail.Address) bool {
		if t.check == nil || auth.DMARC.Status == dmarc.StatusPass {
			return true
		}
		return slices.ContainsFunc(auth.Verified(), func(domain string) bool { return aligned(auth, domain, author.Domain) })
	}
}

// aligned reports whether a domain may speak for an author's domain: it is the
// same, or both are at or below one organization's.
func aligned(auth mailauth.Result, domain, author string) bool {
	return domain == author || below(domain, auth.DMARC.Organization) && below(author, auth.DMARC.Organization)
}

func below(domain, organization string) bool {
	return organization != "" && (domain == organization || strings.HasSuffix(domain, "."+organization))
}

// toOwner delivers what is no post to the list's owner, if that is an account of
// ours and the message has not been there before. Nobody else gets it.
func (s *Service) toOwner(ctx context.Context, t *Transaction, p lists.Post, r *route) error {
	l := r.list.List
	if !l.Owner.IsNull() && !l.Loops(p.Header) {
		to, err := s.config.Domains.Resolve(ctx, l.Owner)
		if err == nil && to.Account.ID != 0 {
			r.account = to.Account
			s.logList(t, *r, "not distributed: a program wrote it, so that the owner gets it", nil)
			return nil
		}
	}
	s.logList(t, *r, "not distributed: a program wrote it, and the list has no owner here", nil)
	return nil
}

// bounceRefused tells the sender what lists have refused of a message that others
// got, for which the one reply was good. Only a sender is told who is not forged:
// nobody else has asked for it.
func (s *Service) bounceRefused(ctx context.Context, t *Transaction, auth mailauth.Result, content gomail.Content) {
	if s.config.Bounce == nil || t.from.IsNull() || !slices.Contains(auth.Verified(), t.from.Domain) {
		return
	}
	now := s.config.Clock()
	n := queue.Notice{Message: queue.Message{Envelope: t.envelope, Received: now}}
	n.Message.Envelope.From = t.from
	for _, r := range t.routes {
		if r.refused != nil && (r.recipient.Notify == 0 || r.recipient.Notify&gomail.NotifyFailure != 0) {
			n.Events = append(n.Events, queue.NoticeEvent{Recipient: queue.Recipient{Recipient: r.recipient}, Action: queue.ActionFailed, Result: failed(0, r.refused), At: now})
		}
	}
	if len(n.Events) == 0 {
		return
	}
	if err := s.config.Bounce(ctx, n, content); err != nil {
		s.config.Logger.Error("a sender could not be told what a list refused", slog.String("msgid", t.id), slog.Any("error", err))
	}
}

// logList notes what became of a message at a list.
func (s *Service) logList(t *Transaction, r route, outcome string, err error) {
	attributes := []slog.Attr{slog.String("outcome", outcome), slog.String("msgid", t.id), slog.String("list", r.list.List.Address.String()), slog.String("from", t.from.String()), slog.String("message_id", t.messageID)}
	if err != nil {
		attributes = append(attributes, slog.Any("error", err))
	}
	s.config.Logger.LogAttrs(context.Background(), slog.LevelInfo, "list", attributes...)
}
