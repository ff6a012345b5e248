package main

import (
	"fmt"
	"sync"
)

// outbox is what we know of mail submitted for others, and what the other
// server got. That server's power stays on.
type outbox struct {
	mu       sync.Mutex
	fates    map[string]fate
	received map[string]int
	damaged  []string
}

func newOutbox() *outbox { return &outbox{fates: map[string]fate{}, received: map[string]int{}} }

func (o *outbox) note(f fate, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fates[name] = f
}

func (o *outbox) arrived(message []byte) {
	name, whole := nameOf(message)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.received[name]++
	if !whole {
		o.damaged = append(o.damaged, name)
	}
}

// verify demands, once nothing is queued any more, that everything
// acknowledged has arrived. A cut between the other server's reply and our
// note of it makes it arrive twice; duplicates says how often.
func (o *outbox) verify() (wrong []string, duplicates int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, f := range o.fates {
		if f == there && o.received[name] == 0 {
			wrong = append(wrong, fmt.Sprintf("queue: %s was acknowledged and never sent", name))
		}
	}
	for name, n := range o.received {
		if o.fates[name] == refused {
			wrong = append(wrong, fmt.Sprintf("queue: %s was refused and was sent", name))
		}
		if _, known := o.fates[name]; !known {
			wrong = append(wrong, fmt.Sprintf("queue: %q was sent, and nobody submitted it", name))
		}
		duplicates += n - 1
	}
	for _, name := range o.damaged {
		wrong = append(wrong, fmt.Sprintf("queue: %q was not sent whole", name))
	}
	return wrong, duplicates
}
