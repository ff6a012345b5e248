package accounts

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gomail"
)

// Bounds of the line for password checks. Each check takes a tenth of a second
// and much memory, so that who comes when the line is long is better told so
// at once.
const (
	maxStrangers  = 64 // waiting
	maxPerPlace   = 16 // of them, from one network; the others grow with it where it is configured
	maxKnown      = 64 // waiting, from places where they have signed in before
	strangersWait = 5 * time.Second
	knownWait     = 10 * time.Second
	longestWait   = time.Minute
)

// rank is where somebody stands in the line.
type rank struct {
	known   bool         // goes before strangers
	network netip.Prefix // of a stranger
}

// first is the rank of an administrator's work.
var first = rank{known: true}

// line lets a few at a time through: first those from places known for the
// account, then strangers. So a flood of guesses, from however many addresses,
// does not keep people out of their mail.
type line struct {
	room int // how many times the bounds above it has

	mu        sync.Mutex
	free      int
	known     []chan struct{}
	strangers []chan struct{}
	places    map[netip.Prefix]int // strangers waiting
}

// newLine makes a line in which so many may wait from one network; 0: 16.
func newLine(parallel, perNetwork int) *line {
	return &line{free: parallel, room: max(1, perNetwork/maxPerPlace), places: map[netip.Prefix]int{}}
}

// patience is how long one may wait in a line of this room.
func (l *line) patience(d time.Duration) time.Duration {
	return min(d*time.Duration(l.room), max(d, longestWait))
}

// enter waits for a turn, which leave gives back. Unavailable when that takes
// too long, or would.
func (l *line) enter(ctx context.Context, r rank) error {
	turn, wait, err := l.join(r)
	if err != nil || turn == nil {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-turn:
	case <-timer.C:
		err = l.giveUp(turn)
	case <-ctx.Done():
		err = l.giveUp(turn)
	}
	l.forget(r)
	return err
}

var errLine = gomail.Errorf(gomail.Unavailable, "too many are signing in at once: try again in a moment")

// join takes a turn at once (nil), or a place in the line.
func (l *line) join(r rank) (turn chan struct{}, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.free > 0:
		l.free--
		return nil, 0, nil
	case r.known && len(l.known) < maxKnown*l.room:
		turn = make(chan struct{})
		l.known = append(l.known, turn)
		return turn, l.patience(knownWait), nil
	case !r.known && len(l.strangers) < maxStrangers*l.room && l.places[r.network] < maxPerPlace*l.room:
		turn = make(chan struct{})
		l.strangers = append(l.strangers, turn)
		l.places[r.network]++
		return turn, l.patience(strangersWait), nil
	}
	return nil, 0, errLine
}

// giveUp leaves the line, unless it is one's turn just now.
func (l *line) giveUp(turn chan struct{}) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := len(l.known) + len(l.strangers)
	mine := func(c chan struct{}) bool { return c == turn }
	l.known, l.strangers = slices.DeleteFunc(l.known, mine), slices.DeleteFunc(l.strangers, mine)
	if len(l.known)+len(l.strangers) == waiting {
		return nil
	}
	return errLine
}

// forget takes somebody off the count of their network.
func (l *line) forget(r rank) {
	if r.known {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.places[r.network]--; l.places[r.network] == 0 {
		delete(l.places, r.network)
	}
}

// leave gives the turn to the next.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.known) > 0:
		close(l.known[0])
		l.known = l.known[1:]
	case len(l.strangers) > 0:
		close(l.strangers[0])
		l.strangers = l.strangers[1:]
	default:
		l.free++
	}
}
