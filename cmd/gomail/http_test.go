package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// However long a request takes, its handler has ended when the server has:
// what it uses is closed next.
func TestStopWaitsForHandlers(t *testing.T) {
	for _, test := range []struct {
		name   string
		grace  time.Duration
		work   func(context.Context)
		answer bool // the client gets one
	}{
		{"it ends within the grace", time.Minute, func(context.Context) { time.Sleep(20 * time.Millisecond) }, true},
		{"it heeds that it is dropped", time.Millisecond, func(ctx context.Context) { <-ctx.Done(); time.Sleep(50 * time.Millisecond) }, false},
		{"it heeds nothing", time.Millisecond, func(context.Context) { time.Sleep(100 * time.Millisecond) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			begun := make(chan struct{})
			var finished atomic.Bool
			edge := newHTTPEdge(&http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(begun)
				test.work(r.Context())
				finished.Store(true)
			})}, test.grace)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 2)
			var address string
			for range 2 { // as many as are configured share it
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				address = l.Addr().String()
				go func() { ended <- edge.serve(ctx, l) }()
			}
			answered := make(chan error, 1)
			go func() {
				r, err := http.Get("http://" + address)
				if err == nil {
					r.Body.Close()
				}
				answered <- err
			}()
			select {
			case <-begun:
			case err := <-ended:
				t.Fatalf("it ended by itself: %v", err)
			}
			stop()
			for range 2 {
				if err := <-ended; err != nil || !finished.Load() {
					t.Errorf("it ended with %v, the handler finished: %t", err, finished.Load())
				}
			}
			if err := <-answered; (err == nil) != test.answer {
				t.Errorf("the client got %v", err)
			}
		})
	}
}

// A listener that fails is told.
func TestServeHTTPTellsFailure(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := serveHTTP(&http.Server{})(t.Context(), l); err == nil {
		t.Error("a closed listener is served without an error")
	}
}
