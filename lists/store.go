package lists

import (
	"context"
	"time"

	"gomail"
)

// Store keeps lists. Each method is one transaction.
type Store interface {
	// Lists returns all lists in the order of their addresses.
	Lists(ctx context.Context) ([]List, error)

	// ListAt returns the list with an address. NotFound when there is none.
	ListAt(ctx context.Context, address gomail.Address) (List, error)

	// AddList makes a list and returns its identity. NotFound when the domain
	// is not hosted here, Exists when the address is in use.
	AddList(ctx context.Context, l List) (int64, error)

	// UpdateList writes all of a list but its address. NotFound when it is
	// gone.
	UpdateList(ctx context.Context, l List) error

	// RemoveList removes a list with its members.
	RemoveList(ctx context.Context, id int64) error

	// ListMembers returns members in the order of their addresses in lower
	// case, after one (empty: from the beginning), at most limit.
	ListMembers(ctx context.Context, list int64, after string, limit int) ([]Member, error)

	// ListMember returns the member with an address, in any case. NotFound
	// when there is none.
	ListMember(ctx context.Context, list int64, address gomail.Address) (Member, error)

	// AddListMembers adds those that are no members yet, active since a time,
	// and says how many that were. TooMany above max members.
	AddListMembers(ctx context.Context, list int64, addresses []gomail.Address, at time.Time, max int) (int, error)

	// ChangeListMember writes what change makes of a member, and returns it
	// as it was before and is now. NotFound when there is none of that number.
	ChangeListMember(ctx context.Context, list, number int64, change func(Member) Member) (before, now Member, err error)

	// RemoveListMember removes a member. NotFound when there is none.
	RemoveListMember(ctx context.Context, list int64, address gomail.Address) error

	// ListPosts returns when a post with this digest was distributed (zero: it
	// was not, or is forgotten) and how many posts were since a time.
	ListPosts(ctx context.Context, list int64, digest string, since time.Time) (at time.Time, count int, err error)
}
