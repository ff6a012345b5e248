package lists

import (
	"net/mail"
	"regexp"
	"slices"
	"time"

	"gomail"
)

// Limits of a list.
const (
	MaxMembers = 5_000 // a post is signed for each before it is taken
	MaxPosters = 100
	maxName    = 100 // octets
	// MaxLocal is how many octets the local part may have, so that the
	// addresses with a token fit into 64 (RFC 5321 section 4.5.3.1.1).
	MaxLocal = gomail.MaxLocalPart - len("+"+unsubscribeTag) - tokenLength
)

// Posting is who may post to a list.
type Posting string

// The kinds. Who is named may post in each.
const (
	Anyone  Posting = "anyone"
	Members Posting = "members" // also when empty
	Named   Posting = "named"   // nobody else: for announcements
)

// List is a mailing list.
type List struct {
	ID          int64 // never used again, so that old tokens fit no new list
	Address     gomail.Address
	Name        string // for people; empty: the local part
	Post        Posting
	Posters     []gomail.Address
	ReplyToList bool           // answers go to the list instead of the author
	MaxSize     int64          // of a post, in octets; 0: as much as the server takes
	Owner       gomail.Address // whom people and programs write about the list; null: nobody
	Created     time.Time

	Members, Active int // when it was read: all, and those who get posts
}

// Identifier is the list's name in List-Id, RFC 2919: "dev.example.com".
func (l List) Identifier() string { return l.Address.Local + "." + l.Address.Domain }

// Title is the list's name for people.
func (l List) Title() string {
	if l.Name == "" {
		return l.Address.Local
	}
	return l.Name
}

// Status is where a member stands.
type Status string

// The states. Only those who are active get posts.
const (
	Active       Status = "active"
	Unsubscribed Status = "unsubscribed" // by their own wish
	Bouncing     Status = "bouncing"     // MaxBounces hard bounces came
	Complained   Status = "complained"   // called a post spam
)

// Member is one member of a list.
type Member struct {
	Number     int64 // within the list, never used again
	Address    gomail.Address
	Status     Status
	Since      time.Time // has this status
	Bounces    int       // hard ones, in a row
	LastBounce time.Time // zero: none
	Diagnostic string    // what the last said, one line
}

// MaxBounces is how many hard bounces end delivery to a member.
const MaxBounces = 3

// forgetBounces is after how long without a bounce their count begins anew.
const forgetBounces = 30 * 24 * time.Hour

// Bounced returns the member after a hard bounce.
func (m Member) Bounced(at time.Time, diagnostic string) Member {
	if at.Sub(m.LastBounce) > forgetBounces {
		m.Bounces = 0
	}
	m.Bounces++
	m.LastBounce, m.Diagnostic = at, diagnostic
	if m.Status == Active && m.Bounces >= MaxBounces {
		m.Status, m.Since = Bouncing, at
	}
	return m
}

// become returns the member with another status; the first time counts.
func (m Member) become(status Status, at time.Time) Member {
	if m.Status != status {
		m.Status, m.Since = status, at
	}
	if status == Active {
		m.Bounces, m.LastBounce, m.Diagnostic = 0, time.Time{}, ""
	}
	return m
}

// localPart is what stands in List-Id too, where it has to be an atom.
var localPart = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)

// complete fills in what was left out, and returns Invalid for what cannot be.
func (l List) complete() (List, error) {
	l.Address = l.Address.Canonical()
	if l.Post == "" {
		l.Post = Members
	}
	switch {
	case !localPart.MatchString(l.Address.Local) || len(l.Address.Local) > MaxLocal:
		return l, gomail.Errorf(gomail.Invalid, "the list %s cannot be called so: use up to %d letters (a to z) and digits, with single dots, hyphens and underscores between them", l.Address, MaxLocal)
	case l.Address.Local == "postmaster" || l.Address.Local == "abuse":
		return l, gomail.Errorf(gomail.Invalid, "%s cannot be a list: everybody, bounces too, has to reach a person there (RFC 2142)", l.Address)
	case l.Post != Anyone && l.Post != Members && l.Post != Named:
		return l, gomail.Errorf(gomail.Invalid, "there is no posting %q: use anyone, members or named", l.Post)
	case len(l.Name) > maxName || slices.ContainsFunc([]rune(l.Name), func(r rune) bool { return r < ' ' || r == 0x7f }):
		return l, gomail.Errorf(gomail.Invalid, "the list's name has more than %d octets, or control characters", maxName)
	case len(l.Posters) > MaxPosters:
		return l, gomail.Errorf(gomail.TooMany, "a list has %d named posters at most", MaxPosters)
	case l.Post == Named && len(l.Posters) == 0:
		return l, gomail.Errorf(gomail.Invalid, "nobody could post: name those who may, or let members or anyone post")
	case l.MaxSize < 0:
		return l, gomail.Errorf(gomail.Invalid, "a post's size cannot be negative")
	case l.Owner.Canonical() == l.Address:
		return l, gomail.Errorf(gomail.Invalid, "the list cannot own itself: name a person")
	}
	return l, nil
}

// mailbox renders an address with a name, RFC 5322 section 3.4.
func mailbox(name string, a gomail.Address) string {
	return (&mail.Address{Name: name, Address: a.String()}).String()
}
