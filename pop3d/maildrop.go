package pop3d

import (
	"context"
	"fmt"
	"strconv"

	"gomail"
	"gomail/mailbox"
)

// maildrop is the INBOX as it was when the session signed in. Message number n
// is entries[n-1].
type maildrop struct {
	box      mailbox.Box
	validity uint32
	entries  []mailbox.Entry
	deleted  []bool // marked by DELE
	read     []bool // sent whole by RETR
}

func openMaildrop(ctx context.Context, account *mailbox.Account) (*maildrop, error) {
	box, err := account.Lookup(ctx, "INBOX")
	if err != nil {
		return nil, err
	}
	snap, err := box.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	n := len(snap.Entries)
	return &maildrop{box: box, validity: snap.Mailbox.UIDValidity, entries: snap.Entries, deleted: make([]bool, n), read: make([]bool, n)}, nil
}

// stat returns how many messages are not marked, and their octets.
func (d *maildrop) stat() (messages int, octets int64) {
	for i := range d.entries {
		if !d.deleted[i] {
			messages++
			octets += d.entries[i].Size
		}
	}
	return messages, octets
}

// uidl returns a message's unique id, RFC 1939 section 7: the same in every
// session, and never another message's.
func (d *maildrop) uidl(i int) string {
	return fmt.Sprintf("%d-%d", d.validity, d.entries[i].UID)
}

// find returns the place of a message by its number.
func (d *maildrop) find(number string) (int, error) {
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0, malformed("Expected a message number")
	}
	if n == 0 || n > uint64(len(d.entries)) {
		return 0, gomail.Errorf(gomail.NotFound, "There is no message %d, the maildrop has %d", n, len(d.entries))
	}
	if d.deleted[n-1] {
		return 0, gomail.Errorf(gomail.NotFound, "Message %d is marked as deleted", n)
	}
	return int(n - 1), nil
}

// update removes what was marked and marks what was read, RFC 1939 section 6.
func (d *maildrop) update(ctx context.Context) error {
	var gone, seen []gomail.UID
	for i, e := range d.entries {
		switch {
		case d.deleted[i]:
			gone = append(gone, e.UID)
		case d.read[i] && !e.Flags.Has(gomail.FlagSeen):
			seen = append(seen, e.UID)
		}
	}
	if len(seen) > 0 {
		if _, err := d.box.SetFlags(ctx, seen, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagSeen, UnchangedSince: -1}); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if _, err := d.box.SetFlags(ctx, gone, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagDeleted, UnchangedSince: -1}); err != nil {
		return err
	}
	_, _, err := d.box.Expunge(ctx, gone)
	return err
}

func plural(n int) string {
	if n == 1 {
		return "1 message"
	}
	return strconv.Itoa(n) + " messages"
}

func octetsText(n int64) string { return strconv.FormatInt(n, 10) + " octets" }
