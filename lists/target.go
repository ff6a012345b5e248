package lists

import (
	"context"
	"strings"

	"gomail"
	"gomail/message"
)

// Tags of a list's address that programs write to.
const (
	bounceTag      = "bounce-"
	unsubscribeTag = "unsubscribe-"
)

// Target is what mail for an address of a list is meant to do.
type Target struct {
	List   List
	For    Purpose // empty: it is a post
	Member int64   // whose token the address holds; 0: it is a post
}

// Resolve returns what mail for a list's address with this tag is for.
// NotFound when there is no such list, or the tag was not made here.
func (s *Service) Resolve(ctx context.Context, address gomail.Address, tag string) (Target, error) {
	l, err := s.Get(ctx, address)
	if err != nil || tag == "" {
		return Target{List: l}, err
	}
	t := Target{List: l}
	token, ok := strings.CutPrefix(tag, bounceTag)
	if t.For = ForBounce; !ok {
		token, ok = strings.CutPrefix(tag, unsubscribeTag)
		t.For = ForUnsubscribe
	}
	if !ok {
		return Target{}, gomail.Errorf(gomail.NotFound, "the list %s has no address with the tag %q", address, tag)
	}
	t.Member, err = s.config.Tokens.Read(t.For, l.ID, token)
	return t, err
}

// ReturnPath is the envelope's sender of a member's copy: what comes back to it
// names the member.
func (s *Service) ReturnPath(l List, member int64) gomail.Address {
	return gomail.Address{Local: l.Address.Local + "+" + bounceTag + s.config.Tokens.Make(ForBounce, l.ID, member), Domain: l.Address.Domain}
}

// Unsubscribe ends a member's subscription, by their own wish, and returns
// them. Once is as good as often.
func (s *Service) Unsubscribe(ctx context.Context, l List, member int64, why string) (Member, error) {
	_, m, err := s.become(ctx, l, member, Unsubscribed, why)
	return m, err
}

// Subscriber returns the list and member that a link names. NotFound when the
// link was not made here, or list or member are gone.
func (s *Service) Subscriber(ctx context.Context, address gomail.Address, token string) (List, Member, error) {
	l, err := s.Get(ctx, address)
	if err != nil {
		return List{}, Member{}, err
	}
	number, err := s.config.Tokens.Read(ForUnsubscribe, l.ID, token)
	if err != nil {
		return List{}, Member{}, err
	}
	_, m, err := s.config.Store.ChangeListMember(ctx, l.ID, number, func(m Member) Member { return m })
	return l, m, err
}

// Returned takes in a message that came back for a member's copy, and says in a
// few words what it was taken for. The address that it came to proves whose copy
// it was; what it says of the reason is believed.
func (s *Service) Returned(ctx context.Context, t Target, r message.Returned) (string, error) {
	switch r.Kind {
	case message.ReturnComplaint:
		if r.Feedback == "not-spam" {
			return "a report that a post is no spam", nil
		}
		_, _, err := s.become(ctx, t.List, t.Member, Complained, "called a post spam")
		return "a complaint", gone(err)
	case message.ReturnFailed:
		for _, x := range r.Recipients {
			if x.Action == message.DSNFailed && s.config.Hard(x.Status, x.Diagnostic) {
				return "a hard bounce", gone(s.bounced(ctx, t, strings.TrimSpace(x.Status+" "+x.Diagnostic)))
			}
		}
		return "a bounce that may pass", nil
	}
	return "nothing to learn from", nil
}

// maxComplaintAddresses is how many addresses in a report are looked at.
const maxComplaintAddresses = 200

// Complaint takes in a feedback report (RFC 5965) that came to another address
// than a list's: whose copy it is about is told by the addresses with tokens in
// the header that it returns. What is no complaint, or about no copy of a list,
// is passed over.
func (s *Service) Complaint(ctx context.Context, r message.Returned) error {
	if r.Kind != message.ReturnComplaint {
		return nil
	}
	for _, a := range message.ReturnedAddresses(r.Text, maxComplaintAddresses) {
		local, tag, tagged := strings.Cut(a.Canonical().Local, "+")
		if !tagged || !strings.HasPrefix(tag, bounceTag) && !strings.HasPrefix(tag, unsubscribeTag) {
			continue
		}
		t, err := s.Resolve(ctx, gomail.Address{Local: local, Domain: a.Domain}, tag)
		if err == nil {
			_, err = s.Returned(ctx, t, r)
			return err
		}
		if gone(err) != nil {
			return err
		}
	}
	return nil
}

// gone lets pass that the member has been removed.
func gone(err error) error {
	if gomail.KindOf(err) == gomail.NotFound {
		return nil
	}
	return err
}

// bounced counts a hard bounce.
func (s *Service) bounced(ctx context.Context, t Target, diagnostic string) error {
	at := s.config.Clock()
	before, now, err := s.config.Store.ChangeListMember(ctx, t.List.ID, t.Member, func(m Member) Member { return m.Bounced(at, diagnostic) })
	if err == nil && before.Status != now.Status {
		s.note(t.List, now, "")
	}
	return err
}
