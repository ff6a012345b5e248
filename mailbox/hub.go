package mailbox

import (
	"sync"

	"gomail"
)

// Hub tells waiting sessions that an account changed. Events are hints: they
// coalesce while nobody reads, and a reader always asks the store from the
// sequence where it stands.
type Hub struct {
	mu       sync.Mutex
	watchers map[gomail.AccountID]map[*Watch]struct{}
}

// NewHub returns an empty hub.
func NewHub() *Hub {
	return &Hub{watchers: map[gomail.AccountID]map[*Watch]struct{}{}}
}

// Watch is one session's interest in one account.
type Watch struct {
	// C receives a value after the account changed; at most one is pending.
	C <-chan struct{}

	c       chan struct{}
	hub     *Hub
	account gomail.AccountID
}

// Watch begins to watch an account. Close ends it.
func (h *Hub) Watch(account gomail.AccountID) *Watch {
	c := make(chan struct{}, 1)
	w := &Watch{C: c, c: c, hub: h, account: account}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers[account] == nil {
		h.watchers[account] = map[*Watch]struct{}{}
	}
	h.watchers[account][w] = struct{}{}
	return w
}

// Close ends the watch.
func (w *Watch) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	delete(w.hub.watchers[w.account], w)
	if len(w.hub.watchers[w.account]) == 0 {
		delete(w.hub.watchers, w.account)
	}
}

// Publish wakes the watchers of the event's account. It never blocks.
func (h *Hub) Publish(e gomail.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers[e.Account] {
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}
