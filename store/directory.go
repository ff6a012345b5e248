package store

import (
	"context"
	"sync"

	"gomail"
)

// maxDirectory bounds how many addresses are remembered.
const maxDirectory = 50_000

// directory remembers whom addresses lead to, because every recipient of every
// message asks. Only what exists is remembered: strangers could otherwise fill
// it with names that do not.
//
// What is remembered is as of the last commit: a change of accounts or
// addresses empties it, a change of what an account uses is noted, both before
// the writer is answered.
type directory struct {
	mu         sync.RWMutex
	generation uint64 // counts commits, so that nothing older than the last is added
	addresses  map[gomail.Address]gomail.AccountID
	accounts   map[gomail.AccountID]gomail.Account
}

func newDirectory() *directory {
	d := &directory{}
	d.clear()
	return d
}

func (d *directory) clear() {
	d.addresses, d.accounts = map[gomail.Address]gomail.AccountID{}, map[gomail.AccountID]gomail.Account{}
}

// find returns the account of an address, and the generation as of which it
// is not known.
func (d *directory) find(address gomail.Address) (a gomail.Account, known bool, generation uint64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, known = d.accounts[d.addresses[address]]
	return a, known, d.generation
}

// add remembers what was read since a generation, unless there was a commit
// meanwhile.
func (d *directory) add(address gomail.Address, a gomail.Account, generation uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.generation != generation {
		return
	}
	if len(d.addresses) >= maxDirectory {
		d.clear()
	}
	d.addresses[address], d.accounts[a.ID] = a.ID, a
}

// committed takes over what a transaction changed.
func (d *directory) committed(t *tx) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.generation++
	if t.directory {
		d.clear()
		return
	}
	for id, row := range t.accounts {
		if a, known := d.accounts[id]; known {
			a.QuotaUsed, a.QuotaMessagesUsed = row.quotaUsed, row.messagesUsed
			d.accounts[id] = a
		}
	}
}

// updateDirectory is update for what changes accounts and their addresses.
func (s *Store) updateDirectory(ctx context.Context, apply func(*tx) error) error {
	return s.update(ctx, func(t *tx) error {
		t.directory = true
		return apply(t)
	})
}

// AccountOf returns the account that an address, main or alias, belongs to.
func (s *Store) AccountOf(ctx context.Context, address gomail.Address) (gomail.Account, error) {
	a, known, generation := s.directory.find(address)
	if known {
		return a, nil
	}
	err := s.read(ctx, func(c *conn) (err error) {
		a, err = readAccount(c, byAddress, address.Domain, address.Local)
		return err
	})
	if err == nil {
		s.directory.add(address, a, generation)
	}
	return a, err
}
