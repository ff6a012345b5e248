package mailbox

import (
	"context"
	"strings"

	"gomail"
)

// OtherUsers is the level below which an account finds the mailboxes of others:
// "Other Users/anna@example.com/Projects" (RFC 2342).
const OtherUsers = "Other Users"

// MaxSharedPath is how long the path of another's mailbox may be, in octets.
const MaxSharedPath = len(OtherUsers) + len("//") + 2*gomail.MaxAddress + MaxPath // local parts may have to be quoted

// MaxGrants is how many grants a mailbox may have.
const MaxGrants = 200

func isOthers(path string) bool {
	return path == OtherUsers || strings.HasPrefix(path, OtherUsers+string(gomail.MailboxSeparator))
}

// prefix is what stands before the neighbour's own paths.
func (n Neighbour) prefix() string {
	return OtherUsers + string(gomail.MailboxSeparator) + n.Address.String() + string(gomail.MailboxSeparator)
}

// rightsOn returns the account's rights on another's mailbox as they are now;
// none when there is no such mailbox.
func (a *Account) rightsOn(ctx context.Context, owner gomail.AccountID, id gomail.MailboxID) (Rights, error) {
	grants, err := a.store.GrantsTo(ctx, Place{owner, id}, a.id)
	return sum(grants), err
}

// boxOf returns a neighbour's mailbox as the account may use it.
func (a *Account) boxOf(n Neighbour, m gomail.Mailbox) Box {
	box := Box{Mailbox: m, Owner: n.Account, Rights: sum(n.Grants[m.ID]), prefix: n.prefix(), a: a}
	box.Mailbox = box.named(m)
	return box
}

// neighbour returns whose mailbox a path means, and the path there.
func (a *Account) neighbour(ctx context.Context, path string) (Neighbour, string, error) {
	all, err := a.store.Neighbours(ctx, a.id)
	if err != nil {
		return Neighbour{}, "", err
	}
	for _, n := range all {
		if rest, ok := strings.CutPrefix(path, n.prefix()); ok && rest != "" {
			return n, CanonicalPath(rest), nil
		}
	}
	return Neighbour{}, "", noMailbox(path)
}

// lookupShared returns another's mailbox, unless the account may not know of
// it.
func (a *Account) lookupShared(ctx context.Context, path string) (Box, error) {
	n, rest, err := a.neighbour(ctx, path)
	if err != nil {
		return Box{}, err
	}
	m, err := find(n.Mailboxes, rest)
	if err != nil {
		return Box{}, noMailbox(path)
	}
	box := a.boxOf(n, m)
	if box.Rights&knowing == 0 {
		return Box{}, noMailbox(path)
	}
	return box, nil
}

// owner returns the account that a neighbour is. Whoever uses it has asked for
// rights before.
func (a *Account) owner(n Neighbour) *Account {
	return &Account{store: a.store, hub: a.hub, text: a.text, id: n.Account}
}

// createShared makes a mailbox below another's, by the right to do so on the
// nearest one above that exists (RFC 4314 section 4).
func (a *Account) createShared(ctx context.Context, path string, role gomail.MailboxRole) (Box, error) {
	n, rest, err := a.mayCreate(ctx, path)
	if err != nil {
		return Box{}, err
	}
	if role != "" {
		return Box{}, gomail.Errorf(gomail.Forbidden, "what a mailbox of another is for is its owner's to say")
	}
	if _, err := a.owner(n).create(ctx, rest, ""); err != nil {
		return Box{}, err
	}
	return a.lookupShared(ctx, path)
}

// mayCreate returns where a path leads if a mailbox may be made there.
func (a *Account) mayCreate(ctx context.Context, path string) (Neighbour, string, error) {
	if path == OtherUsers {
		return Neighbour{}, "", gomail.Errorf(gomail.Forbidden, "%q is where the mailboxes of others are found: use another name", OtherUsers)
	}
	n, rest, err := a.neighbour(ctx, path)
	if err != nil {
		return Neighbour{}, "", err
	}
	for above := rest; ; {
		i := strings.LastIndexByte(above, gomail.MailboxSeparator)
		if i < 0 {
			return Neighbour{}, "", noMailbox(n.prefix() + above)
		}
		above = above[:i]
		m, err := find(n.Mailboxes, above)
		if err != nil {
			continue
		}
		box := a.boxOf(n, m)
		return n, rest, box.Need(ctx, CreateIn)
	}
}

// deleteShared removes another's mailbox.
func (a *Account) deleteShared(ctx context.Context, path string) error {
	box, err := a.Lookup(ctx, path)
	if err != nil {
		return err
	}
	if !box.Shared() {
		return a.delete(ctx, path) // from before the name was taken
	}
	if err := box.Need(ctx, DeleteBox); err != nil {
		return err
	}
	owner := Account{store: a.store, hub: a.hub, text: a.text, id: box.Owner}
	return owner.delete(ctx, strings.TrimPrefix(box.Path, box.prefix))
}

// renameShared moves another's mailbox within its account, by the right to
// delete it and the one to make mailboxes below the new place.
func (a *Account) renameShared(ctx context.Context, from, to string) error {
	box, err := a.Lookup(ctx, from)
	if err != nil {
		return err
	}
	if !box.Shared() && !isOthers(to) {
		return a.rename(ctx, from, to) // from before the name was taken
	}
	if !strings.HasPrefix(to, box.prefix) || box.prefix == "" {
		return gomail.Errorf(gomail.Forbidden, "a mailbox stays with its owner: copy its messages instead")
	}
	if err := box.Need(ctx, DeleteBox); err != nil {
		return err
	}
	if box.Role == gomail.RoleInbox {
		return gomail.Errorf(gomail.Forbidden, "the INBOX of another is not renamed")
	}
	n, rest, err := a.mayCreate(ctx, to)
	if err != nil {
		return err
	}
	return a.owner(n).rename(ctx, strings.TrimPrefix(box.Path, box.prefix), rest)
}

// Grants returns who has which rights on the mailbox, its owner first. It takes
// the right to administer.
func (b Box) Grants(ctx context.Context) ([]Grant, error) {
	if err := b.Need(ctx, Administer); err != nil {
		return nil, err
	}
	return b.a.store.Grants(ctx, b.place())
}

// Grant changes the rights of an identifier: an address, anyone, or one of both
// with a hyphen before it for rights that are taken away. The owner keeps all
// rights. NotFound for an address with whom nothing can be shared. It takes the
// right to administer.
func (b Box) Grant(ctx context.Context, identifier string, change RightsChange) error {
	grant, err := b.grantee(ctx, identifier)
	if err != nil {
		return err
	}
	if grant.Account != b.Owner {
		return b.a.store.ChangeGrant(ctx, b.place(), grant, change)
	}
	if !grant.Negative && change.Apply(AllRights) == AllRights {
		return nil
	}
	return gomail.Errorf(gomail.Refused, "the owner of a mailbox always has all rights")
}

// Grantable returns the rights that an identifier has in any case, and those
// that it may be given. Errors as of Grant.
func (b Box) Grantable(ctx context.Context, identifier string) (always, given Rights, err error) {
	grant, err := b.grantee(ctx, identifier)
	if err == nil && grant.Account == b.Owner && !grant.Negative {
		return AllRights, 0, nil
	}
	return 0, AllRights, err
}

// grantee reads an identifier, for who may administer.
func (b Box) grantee(ctx context.Context, identifier string) (Grant, error) {
	if err := b.Need(ctx, Administer); err != nil {
		return Grant{}, err
	}
	name, negative := strings.CutPrefix(identifier, "-")
	if strings.EqualFold(name, Anyone) {
		return Grant{Negative: negative}, nil
	}
	address, err := gomail.ParseAddress(name)
	if err != nil {
		return Grant{}, err
	}
	id, err := b.a.store.Grantee(ctx, b.Owner, address.Canonical())
	return Grant{Account: id, Negative: negative}, err
}

// OwnerAddress returns the owner's address of a mailbox of another; "" for the
// account's own.
func (b Box) OwnerAddress() string {
	if b.prefix == "" {
		return ""
	}
	return b.prefix[len(OtherUsers)+1 : len(b.prefix)-1]
}
