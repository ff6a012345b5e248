package imapd

import (
	"fmt"

	"gomail"
	"gomail/mailbox"
)

// replace answers REPLACE and UID REPLACE, RFC 8508: a message takes the place
// of another, in the same mailbox or a different one. The other stays until
// the new one is durable.
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
	added, err := s.user.Append(s.ctx, box.ID, m)
	if err != nil {
		return err
	}
	s.untagged("OK", fmt.Sprintf("APPENDUID %d %d", added[0].UIDValidity, added[0].UID), "The new message is there")
	return s.removeOne(old)
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

// removeOne takes a message out of the mailbox.
func (s *session) removeOne(uid gomail.UID) error {
	change := mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagDeleted, UnchangedSince: -1}
	if _, err := s.user.SetFlags(s.ctx, s.view.box.ID, []gomail.UID{uid}, change); err != nil {
		return err
	}
	_, _, err := s.user.Expunge(s.ctx, s.view.box.ID, []gomail.UID{uid})
	return err
}
