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

// Watch is one session's interest in accounts.
type Watch struct {
	// C receives a value after one of the accounts changed; at most one is
	// pending.
	C <-chan struct{}

	c        chan struct{}
	hub      *Hub
	accounts []gomail.AccountID
}

// Watch begins to watch an account. Close ends it.
func (h *Hub) Watch(account gomail.AccountID) *Watch {
	c := make(chan struct{}, 1)
	w := &Watch{C: c, c: c, hub: h}
	w.Follow(account)
	return w
}

// Follow has w watch these accounts and no others.
func (w *Watch) Follow(accounts ...gomail.AccountID) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range w.accounts {
		delete(h.watchers[a], w)
		if len(h.watchers[a]) == 0 {
			delete(h.watchers, a)
		}
	}
	w.accounts = accounts
	for _, a := range accounts {
		if h.watchers[a] == nil {
			h.watchers[a] = map[*Watch]struct{}{}
		}
		h.watchers[a][w] = struct{}{}
	}
}

// Close ends the watch.
func (w *Watch) Close() { w.Follow() }

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
