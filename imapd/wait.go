package imapd

import (
	"errors"
	"os"
	"time"
)

// interrupt asks the session to end when it next waits for a command, and
// wakes it if it does now.
func (s *session) interrupt(crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing, s.crowded = true, crowded
	if s.waiting {
		s.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// wait is called before every read: the client gets what was written for it,
// and has so long to send more.
func (s *session) wait(started bool) error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	now := time.Now()
	deadline := now.Add(s.cfg.CommandTimeout)
	if !started {
		deadline = now.Add(s.cfg.IdleTimeout)
	}
	if limit := s.opened.Add(s.cfg.AuthTimeout); s.user == nil && limit.Before(deadline) {
		deadline = limit
	}
	return s.setReadDeadline(deadline, !started)
}

// setReadDeadline bounds the next read. Shutdown interrupts it when it waits
// for a command.
func (s *session) setReadDeadline(deadline time.Time, interruptible bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = interruptible
	if s.closing && interruptible {
		return errClosing
	}
	s.raw.SetReadDeadline(deadline)
	return nil
}

// wake is called when something changed that the session watches.
func (s *session) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
	if s.listening {
		s.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// listen prepares a read that what changes interrupts, unless something has
// changed already.
func (s *session) listen(deadline time.Time) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = true
	if s.closing {
		return false, errClosing
	}
	changed, s.changed = s.changed, false
	s.listening = !changed
	if s.listening {
		s.raw.SetReadDeadline(deadline)
	}
	return changed, nil
}

// listened ends that. Of a read that was interrupted it returns why.
func (s *session) listened(interrupted bool) (changed, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listening = false
	if interrupted {
		changed, s.changed = s.changed, false
	}
	return changed, s.closing
}

// whyEnded tells a time-out from the shutdown that looks like one.
func (s *session) whyEnded(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing && s.waiting && errors.Is(err, os.ErrDeadlineExceeded) {
		return errClosing
	}
	return err
}

// beforeWrite bounds the next write.
func (s *session) beforeWrite() error {
	return s.raw.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
}
