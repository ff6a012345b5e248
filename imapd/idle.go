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
	watch := s.watch()
	defer watch.Close()
	s.out.Text("+ idling\r\n")
	if err := s.tellWhileIdle(watch); err != nil {
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

// watch watches the account of the open mailbox.
func (s *session) watch() *mailbox.Watch {
	if s.view != nil {
		return s.view.box.Watch()
	}
	return s.user.Watch()
}

// tellWhileIdle tells news until input arrives. The input is waited for by a
// goroutine that ends with it, or with the read deadline.
func (s *session) tellWhileIdle(watch *mailbox.Watch) error {
	if err := s.news(); err != nil {
		return err
	}
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
	err := s.awaitInput(input, watch)
	if err != nil {
		s.raw.SetReadDeadline(time.Unix(1, 0))
		<-input
	}
	return err
}

// awaitInput returns nil once input has arrived. On an error the goroutine
// that waits for input may still do so, or have sent its result back.
func (s *session) awaitInput(input chan error, watch *mailbox.Watch) error {
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
			if err := s.news(); err != nil {
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

// news tells what changed, at once.
func (s *session) news() error {
	if s.view != nil && !s.done {
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
