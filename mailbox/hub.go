package mailbox

import (
	"sync"

	"gomail"
)

// Hub tells waiting sessions that an account changed. Events are hints: who is
// woken asks the store from the sequence where it stands.
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
	wake     func()
	hub      *Hub
	accounts []gomail.AccountID
}

// Watch begins to watch an account: wake is called after it changed, by
// whoever changed it, and must not block. Close ends it.
func (h *Hub) Watch(account gomail.AccountID, wake func()) *Watch {
	w := &Watch{wake: wake, hub: h}
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
		w.wake()
	}
}
