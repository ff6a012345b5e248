package imapd

import (
	"errors"
	"os"
	"strings"
	"time"

	"gomail/imapd/imapwire"
)

// stillHere is how often a client in IDLE hears from us, so that address
// translators on the way keep the connection.
const stillHere = 5 * time.Minute

// idle answers IDLE, RFC 9051 section 6.3.13: news are told as they come,
// until the client says DONE.
func (s *session) idle(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	defer s.watch()()
	s.out.Text("+ idling\r\n")
	err := s.news()
	if err == nil {
		err = s.tellUntilInput(s.news)
	}
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.ended(s.whyEnded(err))
		}
		return err
	}
	line, err := s.in.ReadLine(nil, greetedCommand)
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimRight(string(line), " "), "DONE") {
		return &imapwire.SyntaxError{Text: "Expected DONE"}
	}
	return nil
}

// watch watches the account of the open mailbox, or all that NOTIFY has asked
// for. It returns what ends that.
func (s *session) watch() (done func()) {
	switch {
	case s.notify != nil && s.notify.watch != nil:
		return func() {}
	case s.view != nil:
		return s.view.box.Watch(s.wake).Close
	}
	return s.user.Watch(s.wake).Close
}

// tellUntilInput tells news until input arrives. Who has news interrupts the
// read, as shutdown does: a goroutine that reads beside would take as much
// memory as all else of a connection that is idle.
func (s *session) tellUntilInput(news func() error) error {
	if s.in.Buffered() > 0 {
		return nil
	}
	s.in.NextCommand()
	end := time.Now().Add(s.cfg.IdleTimeout)
	for {
		changed, err := s.awaitInput(end)
		switch {
		case err != nil || s.in.Buffered() > 0:
			return err
		case changed:
			err = news()
		default:
			s.untagged("OK", "", "Still here")
			err = s.out.Flush()
		}
		if err != nil {
			return err
		}
	}
}

// awaitInput returns when there is input, when something has changed, and when
// the client is to hear that we are there. It is an error that end has come.
func (s *session) awaitInput(end time.Time) (changed bool, err error) {
	deadline := time.Now().Add(stillHere)
	if end.Before(deadline) {
		deadline = end
	}
	changed, err = s.listen(deadline)
	if err != nil {
		s.ended(err)
	}
	if err != nil || changed {
		return changed, err
	}
	err = s.in.Await()
	changed, closing := s.listened(err != nil)
	if errors.Is(err, os.ErrDeadlineExceeded) && !closing && (changed || deadline != end) {
		err = nil
	}
	return changed, err
}

// news tells what changed, at once. In IDLE that is what NOTIFY has asked for,
// where it was used (RFC 5465 section 4).
func (s *session) news() error {
	if s.notify != nil && !s.done {
		if err := s.tellNotified(true); err != nil {
			return err
		}
	} else if s.view != nil && !s.done {
		if err := s.poll(); err != nil {
			return err
		}
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	if s.done {
		return errClosing // the mailbox is gone, and the client was told
	}
	return nil
}
