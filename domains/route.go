package domains

import (
	"context"
	"strings"

	"gomail"
)

// Route returns the account that mail for an address goes to. RelayDenied
// when the domain is not hosted here, NotFound when the address is unknown,
// Disabled when the domain or the account is switched off.
//
// In this order: the address itself or an alias; the address without its tag
// ("anna+shop" is anna's); postmaster and abuse, which RFC 5321 section 4.5.1
// and RFC 2142 ask for, to the first administrator; the domain's catch-all.
func (s *Service) Route(ctx context.Context, address gomail.Address) (gomail.Account, error) {
	a := address.Canonical()
	c, err := s.current(ctx)
	if err != nil {
		return gomail.Account{}, err
	}
	d, ok := c.domains[a.Domain]
	switch {
	case !ok && a.Domain == s.config.Hostname && isRole(a.Local):
		return s.firstAdmin(ctx)
	case !ok:
		return gomail.Account{}, gomail.Errorf(gomail.RelayDenied, "mail for %s is not accepted here: relaying is not allowed", a.Domain)
	}
	if err := c.closed(a.Domain); err != nil {
		return gomail.Account{}, err
	}
	account, err := s.find(ctx, d, a)
	if err == nil && account.Disabled {
		err = gomail.Errorf(gomail.Disabled, "the mailbox %s is switched off", address)
	}
	return account, err
}

// closed says why a hosted domain takes no mail; nil: it does.
func (c *snapshot) closed(domain string) error {
	switch d := c.domains[domain]; {
	case d.Settings.Parked:
		return gomail.Errorf(gomail.NotFound, "the domain %s receives no mail", domain)
	case d.Disabled:
		return gomail.Errorf(gomail.Disabled, "the domain %s is switched off", domain)
	}
	return nil
}

// find goes through the ways an address can lead to an account.
func (s *Service) find(ctx context.Context, d gomail.Domain, a gomail.Address) (gomail.Account, error) {
	account, err := s.config.Store.AccountOf(ctx, a)
	if gomail.KindOf(err) != gomail.NotFound {
		return account, err
	}
	if base, _, tagged := strings.Cut(a.Local, "+"); tagged && base != "" {
		account, err = s.config.Store.AccountOf(ctx, gomail.Address{Local: base, Domain: a.Domain})
		if gomail.KindOf(err) != gomail.NotFound {
			return account, err
		}
	}
	if isRole(a.Local) {
		return s.firstAdmin(ctx)
	}
	if d.Settings.CatchAll != "" {
		target, err := gomail.ParseAddress(d.Settings.CatchAll)
		if err == nil {
			return s.config.Store.AccountOf(ctx, target.Canonical())
		}
	}
	return gomail.Account{}, gomail.Errorf(gomail.NotFound, "there is no mailbox %s here", a)
}

// isRole reports whether a local part is one that every domain answers for.
func isRole(local string) bool { return local == "postmaster" || local == "abuse" }

// firstAdmin is who answers for the server. Unavailable while there is none:
// the mail must wait, not bounce.
func (s *Service) firstAdmin(ctx context.Context) (gomail.Account, error) {
	account, err := s.config.Store.FirstAdmin(ctx)
	if gomail.KindOf(err) == gomail.NotFound {
		err = gomail.Errorf(gomail.Unavailable, "this server has no administrator yet: try again later")
	}
	return account, err
}

// Hosted reports whether mail for a domain is ours.
func (s *Service) Hosted(ctx context.Context, name string) (bool, error) {
	c, err := s.current(ctx)
	if err != nil {
		return false, err
	}
	_, ok := c.domains[name]
	return ok || name == s.config.Hostname, nil
}

// MaySend returns Forbidden unless the account may send as the address: its
// own, an alias of its own, either with a tag, or any address that it
// receives by being the domain's catch-all or its administrator.
func (s *Service) MaySend(ctx context.Context, account gomail.AccountID, from gomail.Address) error {
	owner, err := s.Route(ctx, from)
	switch {
	case err == nil && owner.ID == account:
		return nil
	case err != nil && gomail.KindOf(err).Temporary():
		return err
	}
	return gomail.Errorf(gomail.Forbidden, "you may not send as %s: use an address of your own or ask your administrator for an alias", from)
}
