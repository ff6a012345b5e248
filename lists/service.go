package lists

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"gomail"
)

// Config is what the service needs.
type Config struct {
	Store   Store
	Tokens  Tokens
	Site    func() string    // where members unsubscribe: "https://mail.example.com"; nil or empty: by mail alone
	Changed func()           // told when lists were made or removed; nil: nobody is
	Clock   func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: silent

	// Hard says whether a bounce means that there is no such mailbox, by its
	// RFC 3463 code (empty: none) and its words. nil: by codes 5.1.x alone.
	Hard func(status, diagnostic string) bool
}

// Service manages the lists.
type Service struct{ config Config }

// New returns the service.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Site == nil {
		c.Site = func() string { return "" }
	}
	if c.Hard == nil {
		c.Hard = func(status, _ string) bool { return len(status) > 4 && status[:4] == "5.1." }
	}
	return &Service{config: c}
}

// All returns the lists in the order of their addresses.
func (s *Service) All(ctx context.Context) ([]List, error) { return s.config.Store.Lists(ctx) }

// Get returns the list with an address. NotFound when there is none.
func (s *Service) Get(ctx context.Context, address gomail.Address) (List, error) {
	return s.config.Store.ListAt(ctx, address.Canonical())
}

// Add makes a list without members.
func (s *Service) Add(ctx context.Context, l List) (List, error) {
	l, err := l.complete()
	if err != nil {
		return List{}, err
	}
	l.Created = s.config.Clock()
	l.ID, err = s.config.Store.AddList(ctx, l)
	s.config.Changed()
	return l, err
}

// Update writes all of a list but its address.
func (s *Service) Update(ctx context.Context, l List) error {
	l, err := l.complete()
	if err != nil {
		return err
	}
	return s.config.Store.UpdateList(ctx, l)
}

// Remove removes a list with its members.
func (s *Service) Remove(ctx context.Context, address gomail.Address) error {
	l, err := s.Get(ctx, address)
	if err != nil {
		return err
	}
	defer s.config.Changed()
	return s.config.Store.RemoveList(ctx, l.ID)
}

// Members returns a list's members in the order of their addresses, after one
// (empty: from the beginning), at most limit.
func (s *Service) Members(ctx context.Context, l List, after string, limit int) ([]Member, error) {
	return s.config.Store.ListMembers(ctx, l.ID, after, limit)
}

// AddMembers adds those who are no members yet, and says how many that were.
// Who has left or bounces stays as they are.
func (s *Service) AddMembers(ctx context.Context, l List, addresses []gomail.Address) (int, error) {
	for _, a := range addresses {
		if a.Canonical() == l.Address || len(a.Domain) > 0 && a.Domain[0] == '[' {
			return 0, gomail.Errorf(gomail.Invalid, "%s cannot be a member: use an address with a domain name that is not the list's own", a)
		}
	}
	return s.config.Store.AddListMembers(ctx, l.ID, addresses, s.config.Clock(), MaxMembers)
}

// RemoveMember removes a member, with what is known of them. NotFound when it
// is none.
func (s *Service) RemoveMember(ctx context.Context, l List, address gomail.Address) error {
	return s.config.Store.RemoveListMember(ctx, l.ID, address)
}

// Resume makes a member active who was not any more, and forgets their
// bounces.
func (s *Service) Resume(ctx context.Context, l List, address gomail.Address) (Member, error) {
	m, err := s.config.Store.ListMember(ctx, l.ID, address)
	if err != nil {
		return Member{}, err
	}
	_, m, err = s.become(ctx, l, m.Number, Active, "")
	return m, err
}

// become writes a member's status, and notes where it is another one.
func (s *Service) become(ctx context.Context, l List, number int64, status Status, why string) (before, now Member, err error) {
	at := s.config.Clock()
	before, now, err = s.config.Store.ChangeListMember(ctx, l.ID, number, func(m Member) Member { return m.become(status, at) })
	if err == nil && before.Status != now.Status {
		s.note(l, now, why)
	}
	return before, now, err
}

// note tells the log, and by it the trail, what became of a member.
func (s *Service) note(l List, m Member, why string) {
	s.config.Logger.Info("list member", slog.String("outcome", string(m.Status)), slog.String("list", l.Address.String()), slog.String("rcpt", m.Address.String()),
		slog.String("reply", cmp.Or(why, m.Diagnostic)))
}
