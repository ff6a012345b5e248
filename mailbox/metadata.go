package mailbox

import (
	"context"
	"strings"

	"gomail"
)

// Metadata is an entry that a mail program keeps at the server, RFC 5464.
type Metadata struct {
	Entry string // "/private/comment", in lower case
	Value []byte // nil: there is none
}

// MetadataMark says when an entry was last changed.
type MetadataMark struct {
	Place  Place // Mailbox 0: of the account as a whole
	Entry  string
	ModSeq gomail.ModSeq // of the account that keeps the entry
}

// Limits of metadata.
const (
	MaxMetadataValue = 64 << 10 // octets
	MaxMetadataEntry = 255      // octets of a name
	MaxMetadata      = 2_000    // entries of an account
)

// Metadata returns the entries of the account as a whole, in the order of their
// names.
func (a *Account) Metadata(ctx context.Context) ([]Metadata, error) {
	return a.store.Metadata(ctx, Place{a.id, 0}, a.id)
}

// MetadataMarks returns when the entries were last changed that this account
// may see, in no order: those of itself and of its mailboxes, its private ones
// of the mailboxes of others, and, of those mailboxes of others that are given,
// the ones that all see.
func (a *Account) MetadataMarks(ctx context.Context, others []Box) ([]MetadataMark, error) {
	all, err := a.store.MetadataMarks(ctx, a.id)
	visible := map[Place]bool{}
	owners := map[gomail.AccountID]bool{}
	for _, b := range others {
		if b.Shared() && b.Rights.Has(Lookup) && b.Rights&annotating != 0 {
			visible[b.place()], owners[b.Owner] = true, true
		}
	}
	for owner := range owners {
		theirs, failure := a.store.MetadataMarks(ctx, owner)
		if failure != nil {
			return nil, failure
		}
		for _, m := range theirs {
			if visible[m.Place] && !(Metadata{Entry: m.Entry}).Private() {
				all = append(all, m)
			}
		}
	}
	return all, err
}

// SetMetadata changes entries of the account as a whole: all of them, or none.
// Invalid when a name is not one, TooLarge and TooMany beyond the limits.
func (a *Account) SetMetadata(ctx context.Context, changes []Metadata) error {
	if err := checkAll(changes); err != nil {
		return err
	}
	return a.store.SetMetadata(ctx, Place{a.id, 0}, a.id, changes)
}

// annotating are the rights of which one, beside the one to list it, lets an
// account read and write metadata of a mailbox, RFC 5464 section 3.
const annotating = Read | Seen | Write | Insert | Post

// Metadata returns the mailbox's entries in the order of their names: those
// that all see, and this account's private ones.
func (b Box) Metadata(ctx context.Context) ([]Metadata, error) {
	if _, err := b.annotate(ctx); err != nil {
		return nil, err
	}
	return b.a.store.Metadata(ctx, b.place(), b.a.id)
}

// SetMetadata changes the mailbox's entries: all of them, or none. Those that
// all see take the right to write. Errors as of Account.SetMetadata.
func (b Box) SetMetadata(ctx context.Context, changes []Metadata) error {
	if err := checkAll(changes); err != nil {
		return err
	}
	have, err := b.annotate(ctx)
	if err != nil {
		return err
	}
	for _, m := range changes {
		if !m.Private() && !have.Has(Write) {
			return b.lacking(have, Write)
		}
	}
	return b.a.store.SetMetadata(ctx, b.place(), b.a.id, changes)
}

func (b Box) annotate(ctx context.Context) (Rights, error) {
	have, err := b.allow(ctx, Lookup)
	if err == nil && have&annotating == 0 {
		err = b.lacking(have, Read)
	}
	return have, err
}

// Private reports whether the entry is each account's own.
func (m Metadata) Private() bool { return strings.HasPrefix(m.Entry, "/private/") }

func checkAll(changes []Metadata) error {
	for _, m := range changes {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

// check goes by RFC 5464 sections 3.1 and 3.2.
func (m Metadata) check() error {
	rest, private := strings.CutPrefix(m.Entry, "/private/")
	if !private {
		var shared bool
		if rest, shared = strings.CutPrefix(m.Entry, "/shared/"); !shared {
			return gomail.Errorf(gomail.Invalid, "%.100q is no name of metadata: it begins with /private/ or /shared/", m.Entry)
		}
	}
	if rest == "" || strings.HasSuffix(rest, "/") || strings.Contains(m.Entry, "//") || strings.ContainsFunc(m.Entry, notInEntry) || len(m.Entry) > MaxMetadataEntry {
		return gomail.Errorf(gomail.Invalid, "%.100q is no name of metadata", m.Entry)
	}
	if len(m.Value) > MaxMetadataValue {
		return gomail.Errorf(gomail.TooLarge, "metadata has at most %d octets", MaxMetadataValue)
	}
	return nil
}

func notInEntry(r rune) bool { return r < ' ' || r > '~' || r == '*' || r == '%' }
