package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"gomail/mxsend"
	"gomail/queue"
)

// TestDeadDestinations queues mail to a thousand destinations, of which three
// hundred are dead: a third refuses, a third is silent as long as the test
// goes on, a third drops. The living get all of theirs although the silent
// ones never end, and no destination ever sees more connections at once, nor
// more messages on one, than it may.
//
// GOMAIL_QUEUE_MESSAGES=100000 makes it large, with -timeout 20m.
func TestDeadDestinations(t *testing.T) {
	const destinations, dead, perSite, perConnection = 1000, 300, 3, 4
	messages := 6000
	if n, err := strconv.Atoi(os.Getenv("GOMAIL_QUEUE_MESSAGES")); err == nil {
		messages = n
	}
	sink, silent := newQueueSink(t), make(chan struct{})
	p := newPostOffice(t, queue.Config{Total: 50, PerSite: perSite}, mxsend.Config{MaxMessages: perConnection, Timeouts: mxsend.Timeouts{Connect: time.Hour}})
	p.dial = func(ctx context.Context, n int) (net.Conn, error) {
		switch {
		case n >= dead:
			return sink.dial(ctx, n)
		case n%3 == 0:
			return nil, errors.New("connection refused")
		case n%3 == 1:
			<-silent
			return nil, errors.New("no route to host")
		}
		client, server := net.Pipe()
		server.Close()
		return client, nil
	}
	p.fill(messages, destinations)
	begun := time.Now()
	p.run()
	alive := messages / destinations * (destinations - dead)
	for before := -1; before < alive; { // a large queue may take its time, but gets on
		eventually(t, "another of the living to have its mail", func() bool {
			once, _ := sink.count()
			return once > before
		})
		before, _ = sink.count()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d messages to the living in %v; heap %d MB", alive, time.Since(begun).Round(10*time.Millisecond), m.HeapInuse>>20)
	close(silent)
	eventually(t, "the outcome of all", func() bool { return p.left() == messages-alive })
	p.close()
	if _, twice := sink.count(); twice > 0 {
		t.Errorf("%d messages came twice", twice)
	}
	sink.close()
	for n, busiest := range sink.busiest {
		if busiest > perSite {
			t.Errorf("d%d.test had %d connections at once, the limit is %d", n, busiest, perSite)
		}
	}
	if sink.longest > perConnection {
		t.Errorf("a connection carried %d messages, the limit is %d", sink.longest, perConnection)
	}
}
