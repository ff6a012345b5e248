package e2e

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"gomail/mxsend"
	"gomail/queue"
)

// BenchmarkQueue empties a queue into a sink in the same process, for a
// profile: go test -run - -bench Queue -benchtime 10000x -cpuprofile f ./e2e
func BenchmarkQueue(b *testing.B) {
	sink := newQueueSink(b)
	p := newPostOffice(b, queue.Config{}, mxsend.Config{})
	p.dial = sink.dial
	p.fill(b.N, 1)
	b.ResetTimer()
	p.run()
	for once, _ := sink.count(); once < b.N; once, _ = sink.count() {
		time.Sleep(2 * time.Millisecond)
	}
	b.StopTimer()
	p.close()
}

// fill queues messages to so many destinations, without telling the queue.
func (p *postOffice) fill(n, destinations int) {
	var wg sync.WaitGroup
	const senders = 64
	for k := range senders {
		wg.Go(func() {
			for i := k; i < n; i += senders {
				p.send(strconv.Itoa(i), false, fmt.Sprintf("r%d@d%d.test", i, i%destinations))
			}
		})
	}
	wg.Wait()
}
