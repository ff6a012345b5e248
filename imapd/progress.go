package imapd

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"gomail"
)

// progressEvery is how often a client hears of a command that takes its time,
// RFC 9585.
const progressEvery = 10 * time.Second

// progress tells how far the command at hand is.
type progress struct {
	next   time.Time // when the client hears of it next
	done   int       // messages looked at
	rounds int       // in which they are: after the first it is not known how many there will be
}

// beginWork starts the clock of a command.
func (s *session) beginWork() {
	s.work = progress{next: s.cfg.Clock().Add(progressEvery)}
}

// counted passes messages on to yield, and now and then tells the client how
// many of the total were looked at.
func (s *session) counted(total int, yield func(i int, l *loaded) error) func(int, *loaded) error {
	s.work.rounds++
	return func(i int, l *loaded) error {
		if s.work.done++; s.work.done%64 == 0 || l.content != nil {
			if err := s.tellProgress(total); err != nil {
				return err
			}
		}
		return yield(i, l)
	}
}

func (s *session) tellProgress(total int) error {
	now := s.cfg.Clock()
	if now.Before(s.work.next) {
		return nil
	}
	s.work.next = now.Add(progressEvery)
	goal := "NIL"
	if s.work.rounds == 1 {
		goal = strconv.Itoa(total)
	}
	s.writeProgress(strconv.Itoa(s.work.done)+" "+goal, fmt.Sprintf("%d looked at", s.work.done))
	return s.out.Flush()
}

// writeProgress writes the response. A tag that could not stand between quotes
// is one that no tag may be.
func (s *session) writeProgress(numbers, text string) {
	s.untagged("OK", `INPROGRESS ("`+s.tag+`" `+numbers+")", text)
}

// patiently runs what the session has to wait for, and tells the client now and
// then that it still does. f must not write to the client.
func (s *session) patiently(f func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- gomail.Errorf(gomail.Internal, "a command panicked: %v: %s", v, debug.Stack())
			}
		}()
		done <- f()
	}()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			s.writeProgress("NIL NIL", "Still working")
			s.out.Flush() // a client that is gone is noticed once this is done: it cannot be taken back
		}
	}
}
