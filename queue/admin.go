package queue

import (
	"context"
	"fmt"
	"time"

	"gomail"
)

// String returns the key as people see and type it: "3-1793437200000000".
func (k Key) String() string { return fmt.Sprintf("%d-%d", k.Slot, k.ID) }

// ParseKey reads what String returns.
func ParseKey(s string) (k Key, err error) {
	n, err := fmt.Sscanf(s, "%d-%d", &k.Slot, &k.ID)
	if err != nil || n != 2 || k.String() != s || k.Slot < 0 || k.Slot >= Slots {
		return Key{}, gomail.Errorf(gomail.Invalid, "%q is not the name of a queued message: gomail queue list shows them", s)
	}
	return k, nil
}

// String returns the status in a word.
func (s Status) String() string {
	if s == Held {
		return "held"
	}
	return "pending"
}

// List returns queued messages in the order of their keys, after a key (one
// with Slot -1: from the beginning).
func (q *Queue) List(ctx context.Context, after Key, limit int) ([]Summary, error) {
	return q.config.Store.List(ctx, after, limit)
}

// Show returns one queued message.
func (q *Queue) Show(ctx context.Context, key Key) (Summary, error) {
	return q.config.Store.Queued(ctx, key)
}

// Retry makes all recipients of a message due now, held ones included.
func (q *Queue) Retry(ctx context.Context, key Key) error {
	return q.setStatus(ctx, key, Pending)
}

// Hold keeps a message from being tried until it is released. An attempt that
// is under way is not stopped.
func (q *Queue) Hold(ctx context.Context, key Key) error {
	return q.setStatus(ctx, key, Held)
}

// HoldAccount keeps an account from sending: what it has in the queue waits, and
// what it brings is refused (outbound.Limiter). Attempts under way are not
// stopped.
func (q *Queue) HoldAccount(ctx context.Context, account gomail.AccountID, why string) error {
	keys, err := q.config.Store.HoldAccount(ctx, account, q.config.Clock().Truncate(time.Microsecond), why)
	q.refresh(keys...)
	return err
}

// ReleaseAccount lets it send again, what waited first.
func (q *Queue) ReleaseAccount(ctx context.Context, account gomail.AccountID) error {
	keys, err := q.config.Store.ReleaseAccount(ctx, account, q.config.Clock().Truncate(time.Microsecond))
	q.refresh(keys...)
	return err
}

// Drop removes a message from the queue without telling its sender.
func (q *Queue) Drop(ctx context.Context, key Key) error {
	if err := q.config.Store.Drop(ctx, key, -1); err != nil {
		return err
	}
	q.refresh(key)
	return nil
}

func (q *Queue) setStatus(ctx context.Context, key Key, status Status) error {
	if err := q.config.Store.SetStatus(ctx, key, -1, status, q.config.Clock().Truncate(time.Microsecond)); err != nil {
		return err
	}
	q.refresh(key)
	return nil
}

// refresh makes the schedule forget what it knows of messages and read them
// again.
func (q *Queue) refresh(keys ...Key) {
	q.mu.Lock()
	q.stale = append(q.stale, keys...)
	q.mu.Unlock()
	q.Wake()
}
