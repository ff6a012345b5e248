package mailbox

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"gomail"
)

// Limits on mailboxes.
const (
	MaxPath      = 300   // octets of a whole path
	MaxDepth     = 20    // levels
	MaxMailboxes = 10000 // per account
)

// List returns all mailboxes in the order of their paths, INBOX first, and then
// those of others that the account may list.
func (a *Account) List(ctx context.Context) ([]Box, error) {
	all, err := a.Own(ctx)
	if err != nil {
		return nil, err
	}
	neighbours, err := a.store.Neighbours(ctx, a.id)
	for _, n := range neighbours {
		for _, m := range n.Mailboxes {
			if box := a.boxOf(n, m); box.Rights.Has(Lookup) {
				all = append(all, box)
			}
		}
	}
	return all, err
}

// Own returns the account's own mailboxes in the order of their paths, INBOX
// first.
func (a *Account) Own(ctx context.Context) ([]Box, error) {
	own, err := a.store.Mailboxes(ctx, a.id)
	all := make([]Box, 0, len(own))
	for _, m := range own {
		all = append(all, a.own(m))
	}
	return all, err
}

// Lookup returns the mailbox of a path, the account's own or, below OtherUsers,
// another's. NotFound when there is none, or none that the account may know
// of.
func (a *Account) Lookup(ctx context.Context, path string) (Box, error) {
	all, err := a.store.Mailboxes(ctx, a.id)
	if err != nil {
		return Box{}, err
	}
	m, err := find(all, CanonicalPath(path))
	if err != nil && isOthers(path) {
		return a.lookupShared(ctx, path)
	}
	return a.own(m), err
}

// CanonicalPath spells INBOX, alone or as the first level, in capitals (RFC
// 9051 section 5.1).
func CanonicalPath(path string) string {
	if len(path) >= 5 && strings.EqualFold(path[:5], "INBOX") && (len(path) == 5 || path[5] == gomail.MailboxSeparator) {
		return "INBOX" + path[5:]
	}
	return path
}

func find(all []gomail.Mailbox, path string) (gomail.Mailbox, error) {
	for _, m := range all {
		if m.Path == path {
			return m, nil
		}
	}
	return gomail.Mailbox{}, noMailbox(path)
}

func noMailbox(path string) error {
	return gomail.Errorf(gomail.NotFound, "there is no mailbox %q", path)
}

// Create makes a mailbox, and the levels above it that do not exist yet. role
// may be empty; a role is held by one mailbox at most. A separator at the end
// of path is ignored (RFC 9051 section 6.3.4). A new mailbox is shared as the
// one above it is (RFC 4314 section 4).
func (a *Account) Create(ctx context.Context, path string, role gomail.MailboxRole) (Box, error) {
	path = strings.TrimSuffix(CanonicalPath(path), string(gomail.MailboxSeparator))
	if isOthers(path) {
		return a.createShared(ctx, path, role)
	}
	m, err := a.create(ctx, path, role)
	return a.own(m), err
}

func (a *Account) create(ctx context.Context, path string, role gomail.MailboxRole) (gomail.Mailbox, error) {
	if err := validPath(path); err != nil {
		return gomail.Mailbox{}, err
	}
	all, err := a.store.Mailboxes(ctx, a.id)
	if err != nil {
		return gomail.Mailbox{}, err
	}
	if len(all) >= MaxMailboxes {
		return gomail.Mailbox{}, gomail.Errorf(gomail.TooMany, "an account holds at most %d mailboxes", MaxMailboxes)
	}
	if _, err := find(all, path); err == nil {
		return gomail.Mailbox{}, gomail.Errorf(gomail.Exists, "the mailbox %q exists already", path)
	}
	if err := roleFree(all, role); err != nil {
		return gomail.Mailbox{}, err
	}
	parent, name, err := a.makeParents(ctx, all, path)
	if err != nil {
		return gomail.Mailbox{}, err
	}
	return a.store.CreateMailbox(ctx, a.id, parent, name, role)
}

func roleFree(all []gomail.Mailbox, role gomail.MailboxRole) error {
	if role == "" {
		return nil
	}
	for _, m := range all {
		if m.Role == role {
			return gomail.Errorf(gomail.Exists, "the mailbox %q has the role %q already", m.Path, role)
		}
	}
	return nil
}

// makeParents makes the missing levels above path and returns the id of the
// last and the name that remains.
func (a *Account) makeParents(ctx context.Context, all []gomail.Mailbox, path string) (gomail.MailboxID, string, error) {
	parent := gomail.MailboxID(0)
	for i := 0; i < len(path); i++ {
		if path[i] != gomail.MailboxSeparator {
			continue
		}
		m, err := find(all, path[:i])
		if err != nil {
			if m, err = a.store.CreateMailbox(ctx, a.id, parent, lastLevel(path[:i]), ""); err != nil {
				return 0, "", err
			}
		}
		parent = m.ID
	}
	return parent, lastLevel(path), nil
}

func lastLevel(path string) string {
	return path[strings.LastIndexByte(path, gomail.MailboxSeparator)+1:]
}

// Rename moves a mailbox, and all below it, to another path. Renaming INBOX
// moves its messages to a new mailbox and leaves it empty (RFC 9051 section
// 6.3.6). A mailbox stays with its account.
func (a *Account) Rename(ctx context.Context, from, to string) error {
	from, to = CanonicalPath(from), CanonicalPath(to)
	if isOthers(from) || isOthers(to) {
		return a.renameShared(ctx, from, to)
	}
	return a.rename(ctx, from, to)
}

func (a *Account) rename(ctx context.Context, from, to string) error {
	if err := validPath(to); err != nil {
		return err
	}
	all, err := a.store.Mailboxes(ctx, a.id)
	if err != nil {
		return err
	}
	m, err := find(all, from)
	if err != nil {
		return err
	}
	if _, err := find(all, to); err == nil {
		return gomail.Errorf(gomail.Exists, "the mailbox %q exists already", to)
	}
	if m.Role == gomail.RoleInbox {
		return a.emptyInto(ctx, m, to)
	}
	if strings.HasPrefix(to, from+string(gomail.MailboxSeparator)) {
		return gomail.Errorf(gomail.Invalid, "a mailbox cannot be moved below itself")
	}
	parent, name, err := a.makeParents(ctx, all, to)
	if err != nil {
		return err
	}
	return a.store.RenameMailbox(ctx, a.id, m.ID, parent, name)
}

func (a *Account) emptyInto(ctx context.Context, inbox gomail.Mailbox, to string) error {
	target, err := a.create(ctx, to, "")
	if err != nil {
		return err
	}
	snap, err := a.store.Snapshot(ctx, a.id, inbox.ID)
	if err != nil {
		return err
	}
	uids := make([]gomail.UID, len(snap.Entries))
	for i, e := range snap.Entries {
		uids[i] = e.UID
	}
	_, err = a.store.MoveMessages(ctx, Transfer{From: Place{a.id, inbox.ID}, To: Place{a.id, target.ID}, UIDs: uids, Rights: AllRights})
	return err
}

// Delete removes a mailbox with its messages. INBOX and mailboxes with others
// below them stay: Forbidden and Exists.
func (a *Account) Delete(ctx context.Context, path string) error {
	if path = CanonicalPath(path); isOthers(path) {
		return a.deleteShared(ctx, path)
	}
	return a.delete(ctx, path)
}

func (a *Account) delete(ctx context.Context, path string) error {
	all, err := a.store.Mailboxes(ctx, a.id)
	if err != nil {
		return err
	}
	m, err := find(all, path)
	if err != nil {
		return err
	}
	if m.Role == gomail.RoleInbox {
		return gomail.Errorf(gomail.Forbidden, "INBOX cannot be deleted")
	}
	for _, other := range all {
		if other.Parent == m.ID {
			return gomail.Errorf(gomail.Exists, "the mailbox %q has mailboxes below it: delete or move them first", path)
		}
	}
	return a.store.DeleteMailbox(ctx, a.id, m.ID)
}

// Subscribe sets whether the account's clients list the mailbox by default,
// whatever its owner has subscribed to.
func (a *Account) Subscribe(ctx context.Context, path string, subscribed bool) error {
	box, err := a.Lookup(ctx, path)
	switch {
	case err != nil:
		return err
	case !box.Shared():
		return a.store.SetSubscribed(ctx, a.id, box.ID, subscribed)
	case subscribed && !box.Rights.Has(Lookup):
		return noMailbox(path)
	}
	return a.store.SubscribeShared(ctx, a.id, box.place(), subscribed)
}

// validPath refuses paths that a client or a person could not handle.
func validPath(path string) error {
	levels := strings.Split(path, string(gomail.MailboxSeparator))
	switch {
	case len(path) > MaxPath:
		return gomail.Errorf(gomail.Invalid, "the mailbox name is longer than %d octets", MaxPath)
	case len(levels) > MaxDepth:
		return gomail.Errorf(gomail.Invalid, "the mailbox name has more than %d levels", MaxDepth)
	case !utf8.ValidString(path):
		return gomail.Errorf(gomail.Invalid, "the mailbox name is not valid UTF-8")
	}
	for _, level := range levels {
		if level == "" {
			return gomail.Errorf(gomail.Invalid, "a level of the mailbox name %q is empty", path)
		}
	}
	for _, r := range path {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return gomail.Errorf(gomail.Invalid, "the mailbox name holds a control character")
		}
	}
	return nil
}
