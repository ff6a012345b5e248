package imapd

import (
	"fmt"

	"gomail"
)

// replace answers REPLACE and UID REPLACE, RFC 8508: a message takes the place
// of another, in the same mailbox or a different one, in one step.
func (s *session) replace(r *request) error {
	s.dec.Space()
	number := s.dec.Number()
	s.dec.Space()
	name, bad := s.readMailbox()
	box, err := s.target(name, bad)
	if err == nil && s.view.readOnly {
		err = gomail.Errorf(gomail.Forbidden, "The mailbox is open for reading only")
	}
	s.dec.Space()
	var total int64
	m := s.readAppended(&err, &total)
	defer func() { m.Body.Close() }()
	if endErr := s.dec.End(); endErr != nil {
		return endErr
	}
	old, found := s.byNumber(r, number)
	if err == nil && !found {
		err = gomail.Errorf(gomail.NotFound, "There is no such message to replace")
	}
	if err != nil {
		return err
	}
	added, err := s.user.Replace(s.ctx, s.view.box.ID, old, box.ID, m)
	if err != nil {
		return err
	}
	s.untagged("OK", fmt.Sprintf("APPENDUID %d %d", added.UIDValidity, added.UID), "The new message is there")
	return nil
}

// byNumber returns the UID of a message that a command names.
func (s *session) byNumber(r *request, number uint32) (gomail.UID, bool) {
	if r.uid {
		_, ok := s.view.find(gomail.UID(number))
		return gomail.UID(number), ok
	}
	if number < 1 || int(number) > len(s.view.entries) {
		return 0, false
	}
	return s.view.entries[number-1].UID, true
}
