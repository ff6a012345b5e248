package imapd

import (
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
	for s.dec.Err() == nil && (len(messages) == 0 || s.dec.TrySpace()) {
		if len(messages) == 0 {
			s.dec.Space()
		}
		m := s.readAppended(box, &err, &total)
		messages = append(messages, m)
		if len(messages) > maxAppend && err == nil {
			err = gomail.Errorf(gomail.TooMany, "An APPEND carries at most %d messages", maxAppend)
		}
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
func (s *session) readAppended(box mailbox.Box, err *error, total *int64) mailbox.Append {
	m := mailbox.Append{Body: s.user.Stage()}
	if s.dec.Peek() == '(' {
		m.Flags, m.Keywords = s.readFlagList()
		s.dec.Space()
	}
	if s.dec.Peek() == '"' {
		m.Received = s.dec.DateTime()
		s.dec.Space()
	}
	utf8Form := s.dec.TryWord("UTF8")
	if utf8Form {
		s.dec.TrySpace()
		s.dec.Expect('(')
	}
	lit := s.dec.Literal()
	if s.dec.Err() != nil {
		return m
	}
	*total += lit.Size
	if *err == nil {
		*err = s.acceptable(box, lit, *total)
	}
	if *err != nil {
		s.dec.Refuse(lit, *err)
		return m
	}
	m.Index, *err = s.stage(m.Body, lit)
	if utf8Form {
		s.dec.Expect(')')
	}
	return m
}

// acceptable judges a message by its size, before it is sent where the client
// waits.
func (s *session) acceptable(box mailbox.Box, lit imapwire.Literal, total int64) error {
	switch {
	case lit.Size > s.cfg.MaxMessageSize:
		return gomail.Errorf(gomail.TooLarge, "The message is larger than %d octets", s.cfg.MaxMessageSize)
	case total > s.cfg.MaxMessageSize:
		return gomail.Errorf(gomail.TooLarge, "The messages are larger together than %d octets", s.cfg.MaxMessageSize)
	case lit.Size == 0:
		return gomail.Errorf(gomail.Invalid, "The message is empty")
	}
	usage, err := box.Usage(s.ctx)
	if err == nil && usage.Max > 0 && usage.Used+lit.Size > usage.Max {
		err = gomail.Errorf(gomail.OverQuota, "There is no room for the message: the account's quota is used up")
	}
	return err
}

// stage copies a literal into a body and indexes it on the way. When the body
// takes no more, the rest is read and dropped, so that the next command is
// found.
func (s *session) stage(body gomail.Body, lit imapwire.Literal) (index []byte, err error) {
	var x message.Indexer
	lines := lineEndings{w: io.MultiWriter(body, &x)}
	source := s.dec.Accept(lit)
	buf := make([]byte, min(lit.Size, 32<<10))
	for {
		n, readErr := source.Read(buf)
		if n > 0 && err == nil {
			_, err = lines.Write(buf[:n])
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return nil, readErr
		}
	}
	s.dec.Resume()
	if err != nil {
		return nil, err
	}
	return x.Finish().Marshal(), nil
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
