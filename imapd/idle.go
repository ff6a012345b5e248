package imapd

import (
	"errors"
	"os"
	"strings"
	"time"

	"gomail/imapd/imapwire"
	"gomail/mailbox"
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
	watch, done := s.watch()
	defer done()
	s.out.Text("+ idling\r\n")
	err := s.news()
	if err == nil {
		err = s.tellUntilInput(watch, s.news)
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
// for.
func (s *session) watch() (watch *mailbox.Watch, done func()) {
	switch {
	case s.notify != nil && s.notify.watch != nil:
		return s.notify.watch, func() {}
	case s.view != nil:
		watch = s.view.box.Watch()
	default:
		watch = s.user.Watch()
	}
	return watch, watch.Close
}

// tellUntilInput tells news until input arrives. The input is waited for by a
// goroutine that ends with it, or with the read deadline.
func (s *session) tellUntilInput(watch *mailbox.Watch, news func() error) error {
	if s.in.Buffered() > 0 {
		return nil
	}
	s.in.NextCommand()
	if err := s.setReadDeadline(time.Now().Add(s.cfg.IdleTimeout), true); err != nil {
		s.ended(err)
		return err
	}
	input := make(chan error, 1)
	go func() { input <- s.in.Await() }()
	err := s.awaitInput(input, watch, news)
	if err != nil {
		s.raw.SetReadDeadline(time.Unix(1, 0))
		<-input
	}
	return err
}

// awaitInput returns nil once input has arrived. On an error the goroutine
// that waits for input may still do so, or have sent its result back.
func (s *session) awaitInput(input chan error, watch *mailbox.Watch, news func() error) error {
	tick := time.NewTicker(stillHere)
	defer tick.Stop()
	for {
		select {
		case err := <-input:
			if err != nil {
				input <- err
			}
			return err
		case <-watch.C:
			if err := news(); err != nil {
				return err
			}
		case <-tick.C:
			s.untagged("OK", "", "Still here")
			if err := s.out.Flush(); err != nil {
				return err
			}
		}
	}
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
