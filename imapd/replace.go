package imapd

import (
	"context"
	"fmt"

	"gomail"
	"gomail/mailbox"
)

// replace answers REPLACE and UID REPLACE, RFC 8508: a message takes the place
// of another, in the same mailbox or a different one, in one step.
func (s *session) replace(r *request) error {
	s.dec.Space()
	number := s.dec.Number()
	s.dec.Space()
	name, bad := s.readMailbox()
	box, err := s.target(name, bad)
	if err == nil {
		err = s.needWrite()
	}
	if err == nil {
		err = s.view.box.Need(s.ctx, mailbox.DeleteMail|mailbox.ExpungeBox)
	}
	s.dec.Space()
	var total int64
	m := s.readAppended(s.roomInPlace(box), &err, &total)
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
	added, err := s.view.box.Replace(s.ctx, old, box, m)
	if err != nil {
		return err
	}
	s.untagged("OK", fmt.Sprintf("APPENDUID %d %d", added.UIDValidity, added.UID), "The new message is there")
	s.putInto(box, []gomail.UID{added.UID})
	if s.muted() {
		s.tellGone([]gomail.UID{old})
	}
	return nil
}

// roomInPlace judges by the quota where the old message does not make room: of
// one that goes from the same account only the store knows how much.
func (s *session) roomInPlace(box mailbox.Box) room {
	if s.view.box.Owner == box.Owner {
		return func(context.Context, int64) error { return nil }
	}
	return box.Room()
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
