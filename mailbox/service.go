package mailbox

import (
	"context"

	"gomail"
)

// Service is the mailbox engine over one store.
type Service struct {
	store Store
	hub   *Hub
	text  *textIndexer
}

// New returns the engine over a store whose commits are published to hub.
func New(store Store, hub *Hub) *Service {
	return &Service{store: store, hub: hub, text: newTextIndexer(store)}
}

// Account returns the mailboxes of one account. The id comes from the
// authenticated session, never from a parameter of a request.
func (s *Service) Account(id gomail.AccountID) *Account {
	return &Account{store: s.store, hub: s.hub, text: s.text, id: id}
}

// Account is one account's mailboxes. It is safe for use by several
// goroutines and holds nothing that must be given back.
type Account struct {
	store Store
	hub   *Hub
	text  *textIndexer
	id    gomail.AccountID
}

// ID returns the account's id.
func (a *Account) ID() gomail.AccountID { return a.id }

// Watch begins to watch the account for changes.
func (a *Account) Watch(wake func()) *Watch { return a.hub.Watch(a.id, wake) }

// Usage returns the account's quota and what is used of it.
func (a *Account) Usage(ctx context.Context) (Usage, error) { return a.store.Usage(ctx, a.id) }

// Stage returns an empty body to be filled and given to Append.
func (a *Account) Stage() gomail.Body { return a.store.Stage() }

// Box returns the account's own mailbox of an id, without asking whether there
// is one.
func (a *Account) Box(id gomail.MailboxID) Box { return a.own(gomail.Mailbox{ID: id}) }

func (a *Account) own(m gomail.Mailbox) Box {
	return Box{Mailbox: m, Owner: a.id, Rights: AllRights, a: a}
}
