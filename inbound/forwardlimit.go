package inbound

import (
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/domains"
)

// forwardLimit counts what each alias forwards in the hour of the clock, so that
// a flood of it does not make this server known for it. A restart forgets.
type forwardLimit struct {
	most int // messages an alias forwards in an hour; 0: as many as come

	mu     sync.Mutex
	hour   time.Time // that is counted
	counts map[gomail.Address]int
}

// room returns Throttled for an alias that has forwarded all it may in this
// hour. What goes back to its sender is not counted.
func (l *forwardLimit) room(d domains.Destination, alias gomail.Address, now time.Time) error {
	if l.most <= 0 || len(d.Outside) == 0 || d.Return {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Truncate(time.Hour).Equal(l.hour) && l.counts[untagged(alias)] >= l.most {
		return gomail.Errorf(gomail.Throttled, "%s has forwarded %d messages in this hour, and forwards more in the next: try again then", alias, l.most)
	}
	return nil
}

// count notes that an alias has forwarded a message.
func (l *forwardLimit) count(alias gomail.Address, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hour := now.Truncate(time.Hour); !hour.Equal(l.hour) {
		l.hour, l.counts = hour, map[gomail.Address]int{}
	}
	l.counts[untagged(alias)]++
}

// untagged is the alias itself: its tags share its count.
func untagged(alias gomail.Address) gomail.Address {
	a := alias.Canonical()
	a.Local, _, _ = strings.Cut(a.Local, "+")
	return a
}
