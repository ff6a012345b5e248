package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"gomail"
	"gomail/web/api"
)

// An account looks taken over when it sends from many networks within an hour,
// or goes on sending against its limits. (That much of its mail comes back is
// the bounces' alarm.)
const (
	manyNetworks = 8
	manyPresses  = 20
	suspectSpan  = time.Hour
	suspectAgain = 24 * time.Hour // after which it is told again
)

// suspicions are what was seen of accounts of late. It is kept in memory: who
// goes on is seen again.
type suspicions struct {
	mu       sync.Mutex
	accounts map[gomail.AccountID]*suspect
}

type suspect struct {
	networks map[netip.Prefix]time.Time // from which it sent, and when last
	presses  []time.Time                // when it was refused for a limit
	told     time.Time
	last     time.Time
}

// of returns what was seen of an account. Those of which nothing was seen for
// a while are forgotten. The caller holds mu.
func (s *suspicions) of(account gomail.AccountID, now time.Time) *suspect {
	x := s.accounts[account]
	if x == nil {
		if s.accounts == nil {
			s.accounts = map[gomail.AccountID]*suspect{}
		}
		for id, old := range s.accounts {
			if len(s.accounts) > 1000 && now.Sub(old.last) > suspectAgain {
				delete(s.accounts, id)
			}
		}
		x = &suspect{networks: map[netip.Prefix]time.Time{}}
		s.accounts[account] = x
	}
	x.last = now
	return x
}

// sends notes from where an account sends, and returns from how many networks
// it has done so within the span.
func (s *suspicions) sends(account gomail.AccountID, from netip.Addr, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.of(account, now)
	for p, at := range x.networks {
		if now.Sub(at) > suspectSpan {
			delete(x.networks, p)
		}
	}
	x.networks[networkOf(from)] = now
	return len(x.networks)
}

// networkOf is what one subscriber or one site shares.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.Prefix(bits) // it has as many
	return p
}

// pressed notes that an account was refused for a limit, and returns how often
// it was within the span, as far as that matters.
func (s *suspicions) pressed(account gomail.AccountID, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.of(account, now)
	x.presses = append(x.presses, now)
	for len(x.presses) > manyPresses || now.Sub(x.presses[0]) > suspectSpan {
		x.presses = x.presses[1:]
	}
	return len(x.presses)
}

// may books that administrators are told of an account, once in a while.
func (s *suspicions) may(account gomail.AccountID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.of(account, now)
	if now.Sub(x.told) < suspectAgain {
		return false
	}
	x.told = now
	return true
}

// sendsFrom notes where an account sends from.
func (s *services) sendsFrom(ctx context.Context, account gomail.AccountID, from netip.Addr) {
	if n := s.suspects.sends(account, from, time.Now()); n >= manyNetworks {
		s.suspect(ctx, account, fmt.Sprintf("it has sent from %d networks within an hour", n))
	}
}

// pressed notes that an account was refused for a sending limit.
func (s *services) pressed(account gomail.AccountID) {
	if s.suspects.pressed(account, time.Now()) >= manyPresses {
		s.suspect(context.Background(), account, fmt.Sprintf("it was refused for its sending limits %d times within an hour, and goes on", manyPresses))
	}
}

// suspect tells administrators of an account that looks taken over, and holds
// it where the configuration says so.
func (s *services) suspect(ctx context.Context, id gomail.AccountID, why string) {
	if !s.suspects.may(id, time.Now()) {
		return
	}
	s.log.Warn("account looks taken over", slog.Int64("account", int64(id)), slog.String("reason", why))
	account, err := s.accounts.Get(ctx, id)
	held := ""
	if err == nil {
		held, err = s.holdSuspect(ctx, account, why)
	}
	if err == nil {
		text := fmt.Sprintf("The account %s looks as if somebody else used it: %s.%s\n\n"+
			"If its owner did that, all is well. If not, give it another password, and look at what waits:\n\n  gomail account passwd %[1]s\n  gomail account app-password list %[1]s\n  gomail queue list\n\n"+
			"This is told once a day.\n", account.Address, why, held)
		err = s.tellAdministrators(ctx, account.Address.Domain, "The account "+account.Address.String()+" looks taken over", text)
	}
	if err != nil {
		s.log.Error("administrators could not be told of an account that looks taken over", slog.Int64("account", int64(id)), slog.Any("error", err))
	}
}

// holdSuspect keeps an account from sending, where the configuration says so,
// and returns what to add to the message about it.
func (s *services) holdSuspect(ctx context.Context, account gomail.Account, why string) (text string, err error) {
	if !s.config.Submission.HoldTakenOver {
		return "", nil
	}
	if err := s.queue.HoldAccount(ctx, account.ID, why); err != nil {
		return "", err
	}
	return fmt.Sprintf("\n\nIt may not send any more, and what it had in the queue waits, until you release it:\n\n  gomail account release %s", account.Address), nil
}

type accountHoldCmd struct {
	oneAccount
	Why string `help:"Why; its owner reads it when sending." default:"an administrator holds it" placeholder:"TEXT"`
}

// Help shows an example.
func (accountHoldCmd) Help() string {
	return "Its mail programs keep what they want to send, and hear 450 with the reason.\n\nExample: gomail account hold anna@example.com --why 'looked at by the postmaster'"
}

// Run holds the account.
func (c accountHoldCmd) Run(a *app) error {
	return a.with(func(client *client) error {
		return client.call(a.ctx, http.MethodPost, c.path()+"/hold", api.AccountHold{Why: c.Why}, nil)
	})
}

type accountReleaseCmd struct{ oneAccount }

// Help shows an example.
func (accountReleaseCmd) Help() string { return "Example: gomail account release anna@example.com" }

// Run ends the hold.
func (c accountReleaseCmd) Run(a *app) error { return act(a, http.MethodPost, c.path()+"/release") }
