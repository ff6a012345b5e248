package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// httpGrace is how long requests that are under way may go on at a stop.
const httpGrace = 5 * time.Second

// serveHTTP serves with or without TLS until the context ends.
func serveHTTP(h *http.Server) func(context.Context, net.Listener) error {
	return newHTTPEdge(h, httpGrace).serve
}

// httpEdge is an HTTP server that leaves nothing behind: when serve returns, no
// handler runs any more, and the store may be closed. Several listeners may
// share one.
type httpEdge struct {
	server   *http.Server
	grace    time.Duration
	tls      bool // as it was configured: serving plainly gives a server a TLS configuration too
	requests *requests
	drop     context.CancelFunc // ends the context of every request
}

func newHTTPEdge(h *http.Server, grace time.Duration) *httpEdge {
	base, drop := context.WithCancel(context.Background())
	e := &httpEdge{server: h, grace: grace, tls: h.TLSConfig != nil, requests: &requests{next: h.Handler}, drop: drop}
	h.Handler = e.requests
	h.BaseContext = func(net.Listener) context.Context { return base }
	return e
}

// serve accepts until the context ends, then lets requests that are under way
// finish for a moment, ends those that do not, and waits for them.
func (e *httpEdge) serve(ctx context.Context, l net.Listener) error {
	group, ending := errgroup.WithContext(ctx)
	group.Go(func() error { return e.accept(l) })
	<-ending.Done()
	e.stop()
	if err := group.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (e *httpEdge) accept(l net.Listener) error {
	if e.tls {
		return e.server.ServeTLS(l, "", "")
	}
	return e.server.Serve(l)
}

func (e *httpEdge) stop() {
	grace, cancel := context.WithTimeout(context.Background(), e.grace)
	defer cancel()
	if e.server.Shutdown(grace) != nil {
		e.drop()
		e.server.Close()
	}
	e.requests.end()
}

// requests knows which are under way: closing a server's connections does not
// wait for its handlers.
type requests struct {
	next http.Handler

	mu      sync.Mutex
	ended   bool
	running sync.WaitGroup
}

func (r *requests) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if !r.begin() {
		http.Error(w, "the server is stopping", http.StatusServiceUnavailable)
		return
	}
	defer r.running.Done()
	r.next.ServeHTTP(w, q)
}

func (r *requests) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.running.Add(1)
	}
	return !r.ended
}

// end lets no further one begin, and waits for those that have.
func (r *requests) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.running.Wait()
}
