package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Event says that something about a domain has changed. It carries no data:
// whoever hears it asks for what they show.
type Event struct {
	Kind   EventKind `json:"kind"`
	Domain string    `json:"domain"` // canonical; empty: the server
}

// EventKind is what has changed.
type EventKind string

// The kinds of event.
const (
	EventDomain      EventKind = "domain"      // a domain was added, changed or removed
	EventKeys        EventKind = "keys"        // its DKIM keys
	EventChecking    EventKind = "checking"    // a look at its DNS has begun
	EventReport      EventKind = "report"      // and ended
	EventPublication EventKind = "publication" // something was written at the provider
	EventServer      EventKind = "server"      // the server's settings
)

// Hub brings events to those who listen.
type Hub struct {
	mu        sync.Mutex
	listeners map[chan Event]struct{}
}

// NewHub returns a hub without listeners.
func NewHub() *Hub { return &Hub{listeners: map[chan Event]struct{}{}} }

// backlog is how many events wait for a listener. One that falls further
// behind misses some; its page asks again when it is looked at.
const backlog = 64

// Tell brings an event to everybody who listens now. It never waits.
func (b *Hub) Tell(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		select {
		case l <- e:
		default:
		}
	}
}

// listen returns a channel of events, and how to stop.
func (b *Hub) listen() (<-chan Event, func()) {
	c := make(chan Event, backlog)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, c)
	}
}

func (a *API) tell(kind EventKind, domain string) {
	if a.config.Hub != nil {
		a.config.Hub.Tell(Event{kind, canonical(domain)})
	}
}

// heartbeat keeps proxies from closing a quiet stream, and finds out that the
// client is gone.
const heartbeat = 20 * time.Second

// streamLife bounds a stream: whoever comes back is asked anew who they are.
const streamLife = 10 * time.Minute

// events streams what happens as server-sent events, until the client goes.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	p := principal(r.Context())
	if p.Name == "" {
		http.Error(w, "you are not signed in", http.StatusUnauthorized)
		return
	}
	if !p.administrates() {
		http.Error(w, "this account is not an administrator", http.StatusForbidden)
		return
	}
	events, stop := a.config.Hub.listen()
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	out := stream{w, http.NewResponseController(w), 2 * a.heartbeat}
	tick := time.NewTicker(a.heartbeat)
	defer tick.Stop()
	end := time.NewTimer(streamLife)
	defer end.Stop()
	err := out.send(": hello\n\n")
	for err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-a.config.Stopping:
			return
		case <-end.C:
			return
		case <-tick.C:
			err = out.send(": still here\n\n")
		case e := <-events:
			if e.Domain == "" || p.Manages(e.Domain) {
				err = out.event(e)
			}
		}
	}
}

// stream writes server-sent events, each within a time of its own.
type stream struct {
	w          http.ResponseWriter
	controller *http.ResponseController

	// within is how long a write may take. It is longer than the time to the
	// next: over HTTP/2 a deadline that passes ends the stream, whether or not
	// anything is being written.
	within time.Duration
}

func (s stream) event(e Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.send(fmt.Sprintf("data: %s\n\n", text))
}

func (s stream) send(text string) error {
	// Where the writer has no deadline there is none to extend.
	_ = s.controller.SetWriteDeadline(time.Now().Add(s.within))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.controller.Flush()
}
