package lists

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/message"
)

// maxPosts is how many posts a list takes in an hour, so that what floods it
// does not flood its members.
const maxPosts = 100

// KeepPosts is for how long posts are remembered, so that none is distributed
// twice: what a server did not hear us take, it sends again.
const KeepPosts = 7 * 24 * time.Hour

// Post is a message that was sent to a list.
type Post struct {
	Header message.Header
	Size   int64  // octets
	Digest string // tells it from others
	Null   bool   // it came with the null reverse-path
	// Verified reports whether the message comes from an author's domain, by
	// what servers say.
	Verified func(author gomail.Address) bool
}

// Read reads a post.
func Read(content io.ReaderAt, size int64) (Post, error) {
	in := bufio.NewReader(io.NewSectionReader(content, 0, size))
	header, err := message.ReadHeader(in)
	if err != nil {
		return Post{}, err
	}
	h := sha256.New()
	id := header.Get("Message-ID")
	if id == "" {
		id = string(header.Bytes())
	}
	io.WriteString(h, id+"\x00")
	if _, err := io.Copy(h, in); err != nil {
		return Post{}, err
	}
	return Post{Header: header, Size: size, Digest: hex.EncodeToString(h.Sum(nil)[:16])}, nil
}

// Automatic reports whether a message was written by a program in answer to
// another, or by itself (RFC 3834): it goes to a list's owner.
func (p Post) Automatic() bool {
	kind, _, _ := strings.Cut(p.Header.Get("Auto-Submitted"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return p.Null || kind != "" && kind != "no"
}

// Loops reports whether a post has been through the list before.
func (l List) Loops(header message.Header) bool {
	for _, id := range header.Values("List-Id") {
		if at := strings.LastIndexByte(id, '<'); strings.EqualFold(strings.Trim(id[at+1:], " \t>"), l.Identifier()) {
			return true
		}
	}
	return slices.ContainsFunc(header.Values("Delivered-To"), func(to string) bool {
		a, err := gomail.ParseAddress(to)
		return err == nil && a.Canonical() == l.Address
	})
}

// Allow returns nil when a list takes a post; else why not: Loop, TooLarge,
// Refused, Throttled, Exists when it was distributed before.
func (s *Service) Allow(ctx context.Context, l List, p Post) error {
	switch {
	case l.Loops(p.Header):
		return gomail.Errorf(gomail.Loop, "the message has been through the list %s before: it goes round in a loop", l.Address)
	case l.MaxSize > 0 && p.Size > l.MaxSize:
		return l.TooLarge()
	}
	if err := s.mayPost(ctx, l, p); err != nil {
		return err
	}
	at, count, err := s.config.Store.ListPosts(ctx, l.ID, p.Digest, s.config.Clock().Add(-time.Hour))
	switch {
	case err != nil:
		return err
	case !at.IsZero():
		return gomail.Errorf(gomail.Exists, "the list %s has distributed this message before, at %s", l.Address, at.UTC().Format("15:04:05 MST on 2 January 2006"))
	case count >= maxPosts:
		return gomail.Errorf(gomail.Throttled, "the list %s takes %d messages in an hour: try again later", l.Address, maxPosts)
	}
	return nil
}

// TooLarge says that a message is larger than the list takes.
func (l List) TooLarge() error {
	return gomail.Errorf(gomail.TooLarge, "the list %s takes messages of up to %d octets", l.Address, l.MaxSize)
}

// mayPost returns Refused unless every author may post.
func (s *Service) mayPost(ctx context.Context, l List, p Post) error {
	if l.Post == Anyone {
		return nil
	}
	authors, err := message.Authors(p.Header)
	if err != nil {
		return gomail.Errorf(gomail.Refused, "a message for the list %s needs one valid From field: %w", l.Address, err)
	}
	for _, a := range authors {
		known, err := s.knows(ctx, l, a)
		switch {
		case err != nil:
			return err
		case !known:
			return gomail.Errorf(gomail.Refused, "%s may not post to the list %s: %s", a, l.Address, map[Posting]string{Members: "only its members may", Named: "it is for announcements"}[l.Post])
		case !p.Verified(a):
			return gomail.Errorf(gomail.Refused, "the list %s cannot see that the message is from %s: neither SPF nor DKIM passes for the domain", l.Address, a)
		}
	}
	return nil
}

// knows reports whether an author may post.
func (s *Service) knows(ctx context.Context, l List, author gomail.Address) (bool, error) {
	if slices.ContainsFunc(l.Posters, func(a gomail.Address) bool { return a.Canonical() == author.Canonical() }) {
		return true, nil
	}
	if l.Post != Members {
		return false, nil
	}
	m, err := s.config.Store.ListMember(ctx, l.ID, author)
	if gomail.KindOf(err) == gomail.NotFound {
		return false, nil
	}
	return m.Status == Active || m.Status == Bouncing, err
}

// Recipients returns the members who get posts.
func (s *Service) Recipients(ctx context.Context, l List) ([]Member, error) {
	all, err := s.config.Store.ListMembers(ctx, l.ID, "", MaxMembers)
	return slices.DeleteFunc(all, func(m Member) bool { return m.Status != Active }), err
}

// Distribution is what is noted of a post in the commit that distributes it.
type Distribution struct {
	List   int64
	Digest string
	At     time.Time
}
