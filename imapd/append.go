package imapd

import (
	"context"
	"fmt"
	"io"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
	"gomail/message"
)

// maxAppend is how many messages one APPEND may carry, RFC 3502. Small ones
// are held in memory until the last has come.
const maxAppend = 500

// append answers APPEND, RFC 9051 section 6.3.12, with several messages (RFC
// 3502), binary ones (RFC 3516) and the UTF8 form (RFC 6855 section 4).
// Messages go to the store as they arrive; none is kept unless all are.
func (s *session) append(r *request) error {
	s.dec.Space()
	name, bad := s.readMailbox()
	box, err := s.target(name, bad)
	var messages []mailbox.Append
	defer func() {
		for _, m := range messages {
			m.Body.Close()
		}
	}()
	var total int64
	fits := box.Room()
	for n := 0; s.dec.Err() == nil && (n == 0 || s.dec.TrySpace()); n++ {
		if n == 0 {
			s.dec.Space()
		}
		if n == maxAppend && err == nil {
			err = gomail.Errorf(gomail.TooMany, "An APPEND carries at most %d messages", maxAppend)
		}
		m := s.readAppended(fits, &err, &total)
		if err != nil { // what else comes is passed over, and not kept
			m.Body.Close()
			continue
		}
		messages = append(messages, m)
	}
	if endErr := s.dec.End(); endErr != nil {
		return endErr
	}
	if err != nil {
		return err
	}
	added, err := box.Append(s.ctx, messages...)
	if err != nil {
		return err
	}
	uids := make([]gomail.UID, len(added))
	for i, a := range added {
		uids[i] = a.UID
	}
	s.putInto(box, uids)
	r.code = fmt.Sprintf("APPENDUID %d %s", added[0].UIDValidity, imapwire.FormatSet(uids))
	return nil
}

// target looks up where messages are to go. A client may make a mailbox that
// is missing and try again, RFC 9051 section 6.3.12.
func (s *session) target(name string, bad error) (mailbox.Box, error) {
	if bad != nil || s.dec.Err() != nil {
		return mailbox.Box{}, bad
	}
	box, err := s.user.Lookup(s.ctx, name)
	if gomail.KindOf(err) == gomail.NotFound {
		err = coded("TRYCREATE", err)
	}
	if err == nil {
		err = box.Need(s.ctx, mailbox.Insert)
	}
	return box, err
}

// readAppended reads one message with its flags and its date. When err is set
// already, or becomes so, the message is refused, or read and dropped.
func (s *session) readAppended(fits room, err *error, total *int64) mailbox.Append {
	m := mailbox.Append{Body: s.user.Stage()}
	if s.dec.Peek() == '(' {
		m.Flags, m.Keywords = s.readFlagList()
		s.dec.Space()
	}
	if s.dec.Peek() == '"' {
		m.Received = s.dec.DateTime()
		s.dec.Space()
	}
	st := s.newStager(m.Body)
	switch {
	case s.dec.TryWord("CATENATE"):
		s.readCatenated(fits, st, err, total)
	case s.dec.TryWord("UTF8"):
		s.dec.TrySpace()
		s.dec.Expect('(')
		s.readMessageLiteral(fits, st, err, total)
		s.dec.Expect(')')
	default:
		s.readMessageLiteral(fits, st, err, total)
	}
	if *err == nil && s.dec.Err() == nil {
		m.Index = st.x.Finish().Marshal()
	}
	return m
}

// readMessageLiteral reads a message that comes in one piece.
func (s *session) readMessageLiteral(fits room, st *stager, err *error, total *int64) {
	lit := s.dec.Literal()
	if s.dec.Err() != nil {
		return
	}
	*total += lit.Size
	if *err == nil {
		*err = s.acceptable(fits, lit.Size, *total)
	}
	if *err == nil && lit.Size == 0 {
		*err = gomail.Errorf(gomail.Invalid, "The message is empty")
	}
	if *err != nil {
		s.dec.Refuse(lit, *err)
		return
	}
	*err = st.literal(lit)
}

// room returns OverQuota unless there is room for so many octets.
type room func(ctx context.Context, total int64) error

// acceptable judges a message by its size, before it is sent where the client
// waits.
func (s *session) acceptable(fits room, size, total int64) error {
	switch {
	case size > s.cfg.MaxMessageSize:
		return gomail.Errorf(gomail.TooLarge, "The message is larger than %d octets", s.cfg.MaxMessageSize)
	case total > s.cfg.MaxMessageSize:
		return gomail.Errorf(gomail.TooLarge, "The messages are larger together than %d octets", s.cfg.MaxMessageSize)
	}
	return fits(s.ctx, total)
}

// stager is a message on its way into a body, indexed as it comes.
type stager struct {
	s     *session
	x     message.Indexer
	lines lineEndings
}

func (s *session) newStager(body gomail.Body) *stager {
	st := &stager{s: s}
	st.lines.w = io.MultiWriter(body, &st.x)
	return st
}

// literal takes a literal in. When the body takes no more, the rest is read and
// dropped, so that the next command is found.
func (st *stager) literal(lit imapwire.Literal) (err error) {
	source := st.s.dec.Accept(lit)
	buf := make([]byte, min(max(lit.Size, 1), 32<<10))
	for {
		n, readErr := source.Read(buf)
		if n > 0 && err == nil {
			_, err = st.lines.Write(buf[:n])
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return readErr
		}
	}
	st.s.dec.Resume()
	return err
}

// readFlagList reads flags in parentheses. Flags that exist and cannot be set
// are passed over.
func (s *session) readFlagList() (flags gomail.Flags, keywords []string) {
	s.dec.List(func() { s.readFlag(&flags, &keywords) })
	return flags, keywords
}

func (s *session) readFlag(flags *gomail.Flags, keywords *[]string) {
	name := s.dec.Flag()
	flag, known := gomail.ParseFlag(name)
	switch {
	case known:
		*flags |= flag
	case name == "" || name[0] != '\\':
		*keywords = append(*keywords, name)
	case upper(name) != `\RECENT`:
		s.dec.Fail("The flag " + quoteASCII(name) + " does not exist")
	}
}

func quoteASCII(s string) string { return fmt.Sprintf("%+q", s) }
