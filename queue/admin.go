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

// refresh makes the schedule forget what it knows of a message and read it
// again.
func (q *Queue) refresh(key Key) {
	q.mu.Lock()
	q.stale = append(q.stale, key)
	q.mu.Unlock()
	q.Wake()
}
