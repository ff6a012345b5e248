package pop3d

import (
	"strings"
)

// stat answers STAT, RFC 1939 section 5.
func (s *session) stat(arguments string) error {
	if arguments != "" {
		return malformed("STAT has no arguments")
	}
	messages, octets := s.drop.stat()
	s.out.WriteString("+OK ")
	s.line(int64(messages), octets)
	return nil
}

// list answers LIST, for one message or for all.
func (s *session) list(arguments string) error {
	if arguments != "" {
		i, err := s.drop.find(arguments)
		if err != nil {
			return err
		}
		s.out.WriteString("+OK ")
		s.line(int64(i+1), s.drop.entries[i].Size)
		return nil
	}
	messages, octets := s.drop.stat()
	s.ok(plural(messages) + " (" + octetsText(octets) + ")")
	for i := range s.drop.entries {
		if !s.drop.deleted[i] {
			s.line(int64(i+1), s.drop.entries[i].Size)
		}
	}
	s.end()
	return nil
}

// uidl answers UIDL, RFC 1939 section 7, for one message or for all.
func (s *session) uidl(arguments string) error {
	if arguments != "" {
		i, err := s.drop.find(arguments)
		if err == nil {
			s.ok(arguments + " " + s.drop.uidl(i))
		}
		return err
	}
	s.ok("Unique ids follow")
	for i := range s.drop.entries {
		if !s.drop.deleted[i] {
			s.writeNumber(i + 1)
			s.out.WriteString(" " + s.drop.uidl(i) + "\r\n")
		}
	}
	s.end()
	return nil
}

// dele answers DELE: the message goes when the session ends with QUIT.
func (s *session) dele(arguments string) error {
	i, err := s.drop.find(arguments)
	if err != nil {
		return err
	}
	s.drop.deleted[i] = true
	s.ok("Marked as deleted")
	return nil
}

// rset answers RSET: nothing is marked any more.
func (s *session) rset(arguments string) error {
	if arguments != "" {
		return malformed("RSET has no arguments")
	}
	clear(s.drop.deleted)
	messages, octets := s.drop.stat()
	s.ok(plural(messages) + " (" + octetsText(octets) + ")")
	return nil
}

// noop answers NOOP.
func (s *session) noop(arguments string) error {
	if strings.TrimSpace(arguments) != "" {
		return malformed("NOOP has no arguments")
	}
	s.ok("Nothing was done")
	return nil
}

// quit answers QUIT: what was marked is removed, and the session ends.
func (s *session) quit(arguments string) error {
	if arguments != "" {
		return malformed("QUIT has no arguments")
	}
	s.done = true
	if s.drop != nil {
		if err := s.drop.update(s.ctx); err != nil {
			s.failed(err)
			return errAnswered
		}
	}
	s.ok("Goodbye")
	return nil
}
