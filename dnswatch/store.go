package dnswatch

import (
	"context"
	"time"

	"gomail/dnsplan"
)

// Store remembers looks. Each method is one transaction.
type Store interface {
	// Looks returns what the scheduler needs of every domain that was looked
	// at: all but Report's lists and Known.
	Looks(ctx context.Context) ([]dnsplan.Look, error)

	// Look returns the last look at a domain. NotFound before the first.
	Look(ctx context.Context, domain string) (dnsplan.Look, error)

	// AddLook replaces the last look and adds to the history. NotFound when
	// the domain is not hosted: it was removed meanwhile.
	AddLook(ctx context.Context, look dnsplan.Look, entries []dnsplan.Entry) error

	// History returns entries of a domain, the newest first: those of one
	// record, or of all where name is empty.
	History(ctx context.Context, domain, name, kind string, limit int) ([]dnsplan.Entry, error)

	// TrimHistory removes entries before a time.
	TrimHistory(ctx context.Context, before time.Time) error
}
