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

// Limits of metadata.
const (
	MaxMetadataValue = 64 << 10 // octets
	MaxMetadataEntry = 255      // octets of a name
	MaxMetadata      = 2_000    // entries of an account
)

// Metadata returns the entries of a mailbox, or with 0 those of the account as
// a whole, in the order of their names.
func (a *Account) Metadata(ctx context.Context, id gomail.MailboxID) ([]Metadata, error) {
	return a.store.Metadata(ctx, a.id, id)
}

// SetMetadata changes entries of a mailbox, or with 0 of the account as a
// whole: all of them, or none. Invalid when a name is not one, TooLarge and
// TooMany beyond the limits.
func (a *Account) SetMetadata(ctx context.Context, id gomail.MailboxID, changes []Metadata) error {
	for _, m := range changes {
		if err := m.check(); err != nil {
			return err
		}
	}
	return a.store.SetMetadata(ctx, a.id, id, changes)
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
