package domains

import (
	"context"
	"slices"
	"strings"

	"gomail"
	"gomail/mailauth/srs"
)

// MaxTargets is how many addresses outside an alias may lead to.
const MaxTargets = 20

// Destination is where mail for an address of ours goes: to an account, or
// outside, or both.
type Destination struct {
	Account gomail.Account   // ID 0: to none
	Outside []gomail.Address // where copies of it go on to
	// Return: the address is a rewritten sender (package srs), and Outside
	// whom it leads back to.
	Return bool
	// List is the mailing list that the address is one of, and ListTag what
	// follows its plus sign. Null: it is none.
	List    gomail.Address
	ListTag string
}

// KeptSender is the sender of a forwarded message that its rewritten address
// cannot hold.
type KeptSender struct {
	Token  string
	Sender gomail.Address
}

// Resolve returns where mail for an address goes. It fails as Route does, and
// with NotFound for a rewritten sender that was not made here or has expired.
func (s *Service) Resolve(ctx context.Context, address gomail.Address) (Destination, error) {
	a := address.Canonical()
	c, err := s.current(ctx)
	if err != nil {
		return Destination{}, err
	}
	if _, ours := c.domains[a.Domain]; ours && srs.Is(address.Local) {
		return s.wayBack(ctx, address)
	}
	if list, tag, is := c.list(a); is {
		return Destination{List: list, ListTag: tag}, c.closed(a.Domain)
	}
	outside := c.outside(a)
	account, err := s.Route(ctx, address)
	if len(outside) == 0 {
		return Destination{Account: account}, err
	}
	switch kind := gomail.KindOf(err); {
	case kind == gomail.NotFound && !c.domains[a.Domain].Settings.Parked, kind == gomail.Disabled && !c.domains[a.Domain].Disabled:
		return Destination{Outside: outside}, nil
	case err != nil:
		return Destination{}, err
	}
	if _, err := s.config.Store.AccountOf(ctx, base(c, a)); gomail.KindOf(err) == gomail.NotFound {
		account = gomail.Account{} // it only answers for what nobody else does
	} else if err != nil {
		return Destination{}, err
	}
	return Destination{Account: account, Outside: outside}, nil
}

// outside returns where an alias, with or without a tag, leads outside.
func (c *snapshot) outside(a gomail.Address) []gomail.Address { return c.forwards[base(c, a)] }

// base takes the tag off an address of which there is an alias that leads
// outside.
func base(c *snapshot, a gomail.Address) gomail.Address {
	local, _, tagged := strings.Cut(a.Local, "+")
	without := gomail.Address{Local: local, Domain: a.Domain}
	if _, exact := c.forwards[a]; !exact && tagged && c.forwards[without] != nil {
		return without
	}
	return a
}

// list returns the mailing list that an address, with or without a tag, is one
// of.
func (c *snapshot) list(a gomail.Address) (list gomail.Address, tag string, is bool) {
	local, tag, _ := strings.Cut(a.Local, "+")
	list = gomail.Address{Local: local, Domain: a.Domain}
	return list, tag, c.lists[list]
}

// wayBack leads a rewritten sender to the original one.
func (s *Service) wayBack(ctx context.Context, address gomail.Address) (Destination, error) {
	original, err := s.srs.Reverse(address)
	if err == nil && original.Token != "" {
		original.Address, err = s.config.Store.ForwardedSender(ctx, original.Token)
	}
	if err != nil {
		return Destination{}, err
	}
	return Destination{Outside: []gomail.Address{original.Address}, Return: true}, nil
}

// ForwardedBy returns the envelope's sender under which an alias's domain
// forwards a message, and, when the address cannot hold the original, what is to
// be kept with it. Senders of ours and the null sender stay as they are.
func (s *Service) ForwardedBy(ctx context.Context, domain string, sender gomail.Address) (gomail.Address, []KeptSender, error) {
	ours, err := s.Hosted(ctx, sender.Domain)
	if err != nil || ours || sender.IsNull() {
		return sender, nil, err
	}
	rewritten := s.srs.Rewrite(sender, domain)
	if rewritten.Token == "" {
		return rewritten.Address, nil, nil
	}
	return rewritten.Address, []KeptSender{{rewritten.Token, sender}}, nil
}

// AddAlias makes an address lead to an account of ours, or outside when the
// target's domain is not hosted here.
func (s *Service) AddAlias(ctx context.Context, address, target gomail.Address) error {
	if _, err := s.Get(ctx, address.Domain); err != nil {
		return err
	}
	if strings.Contains(address.Local, "+") {
		return gomail.Errorf(gomail.Invalid, "an alias cannot hold a plus sign: what follows it is a tag of the address before it")
	}
	if srs.Is(address.Local) {
		return gomail.Errorf(gomail.Invalid, "an alias cannot have the form of a rewritten sender")
	}
	ours, err := s.Hosted(ctx, target.Domain)
	switch {
	case err != nil:
		return err
	case !ours && strings.HasPrefix(target.Domain, "["):
		return gomail.Errorf(gomail.Invalid, "an alias cannot lead to an address literal")
	case !ours:
		return s.changed(s.config.Store.AddForward(ctx, address.Canonical(), target))
	}
	account, err := s.config.Store.AccountOf(ctx, target.Canonical())
	if err != nil {
		return err
	}
	return s.config.Store.AddAlias(ctx, address.Canonical(), account.ID)
}

// Aliases returns all aliases in the order of their addresses.
func (s *Service) Aliases(ctx context.Context) ([]gomail.Alias, error) {
	return s.config.Store.Aliases(ctx)
}

// RemoveAlias removes what an alias leads to: one target, or all when that is
// null. A target that is an account may be named by its main address only.
func (s *Service) RemoveAlias(ctx context.Context, address, target gomail.Address) error {
	if ours, err := s.Hosted(ctx, target.Domain); err != nil {
		return err
	} else if ours {
		target = target.Canonical()
	}
	return s.changed(s.config.Store.RemoveAlias(ctx, address.Canonical(), target))
}

// forwardsOf arranges the aliases that lead outside by their addresses.
func forwardsOf(all []gomail.Alias) map[gomail.Address][]gomail.Address {
	forwards := map[gomail.Address][]gomail.Address{}
	for _, a := range all {
		if !slices.Contains(forwards[a.Address], a.Target) {
			forwards[a.Address] = append(forwards[a.Address], a.Target)
		}
	}
	return forwards
}
