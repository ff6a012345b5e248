package inbound

import (
	"context"

	"gomail"
	"gomail/filter"
	"gomail/mailauth"
)

// BlockAction is what is done with mail of clients that a block list lists.
type BlockAction string

// The actions.
const (
	BlockRefuse BlockAction = "refuse" // at RCPT, but for postmaster and abuse
	BlockJunk   BlockAction = "junk"   // delivered to Junk
)

// blocked returns Refused for a recipient if the client is on a block list and
// such mail is refused. Postmaster and abuse hear everybody: that is where one
// complains of being listed.
func (t *Transaction) blocked(rcpt gomail.Address) error {
	if t.gate == nil || t.service.config.BlockAction != BlockRefuse || isRole(rcpt) {
		return nil
	}
	if list := t.gate.Listed(); list != "" {
		return gomail.Errorf(gomail.Refused, "your address %s is on the block list %s: ask there why, or write to postmaster", t.client.Addr.Addr().Unmap(), list)
	}
	return nil
}

func isRole(a gomail.Address) bool {
	local := a.Canonical().Local
	return local == "postmaster" || local == "abuse"
}

// sift turns the verdict on a message by who brings it: the listed go to Junk,
// the unknown come back later.
func (s *Service) sift(ctx context.Context, t *Transaction, auth mailauth.Result, v verdict) verdict {
	if v.refusal != nil || t.gate == nil {
		return v
	}
	if s.config.BlockAction == BlockJunk && v.role == gomail.RoleInbox && t.gate.Listed() != "" {
		v.role = gomail.RoleJunk
	}
	v.refusal = s.greylist(ctx, t, auth)
	return v
}

// greylist has an unknown sender come back, if every recipient's domain wants
// that: a message for somebody who does not is not held up.
func (s *Service) greylist(ctx context.Context, t *Transaction, auth mailauth.Result) error {
	how := filter.GreylistAll
	for _, r := range t.routes {
		switch s.greylisting(ctx, r.recipient.Address.Canonical().Domain) {
		case filter.GreylistOff:
			return nil
		case filter.GreylistSuspicious:
			how = filter.GreylistSuspicious
		}
	}
	return s.config.Gate.Greylist(ctx, filter.Attempt{
		Client: t.client.Addr.Addr(), Name: auth.IPRev.Name, From: t.from, Verified: auth.Verified(),
	}, how)
}

// greylisting is what a domain wants. One that cannot be read wants nothing.
func (s *Service) greylisting(ctx context.Context, domain string) filter.Greylisting {
	d, err := s.config.Domains.Get(ctx, domain)
	if err != nil {
		return filter.GreylistOff
	}
	if d.Settings.Greylist == "" {
		return s.config.Greylist
	}
	how, err := filter.ParseGreylisting(d.Settings.Greylist)
	if err != nil {
		return filter.GreylistOff
	}
	return how
}
