package imapd

import (
	"fmt"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// copy answers COPY and UID COPY, RFC 9051 section 6.4.7.
func (s *session) copy(r *request) error {
	uids, box, err := s.readTransfer(r)
	if err != nil || len(uids) == 0 {
		return err
	}
	var copied mailbox.Copied
	err = s.patiently(func() error {
		copied, err = s.view.box.Copy(s.ctx, box, uids)
		return err
	})
	if err != nil {
		return err
	}
	s.putInto(box, copied.Target)
	r.code = copyCode(copied)
	return allGone(r, copied)
}

// allGone is an error where a client named messages by numbers that it may
// still use, and none is there any more: OK would tell it that they are in
// their new place (RFC 2180 section 4.4). UIDs that are gone are passed over.
func allGone(r *request, c mailbox.Copied) error {
	if r.uid || len(c.Source) > 0 {
		return nil
	}
	return coded("EXPUNGEISSUED", gomail.Errorf(gomail.NotFound, "the messages are gone: another session removed them"))
}

// move answers MOVE and UID MOVE, RFC 9051 section 6.4.8: COPYUID comes
// first, then what vanished, with the news that end the command.
func (s *session) move(r *request) error {
	uids, box, err := s.readTransfer(r)
	if err != nil || len(uids) == 0 {
		return err
	}
	if err := s.needWrite(); err != nil {
		return err
	}
	var moved mailbox.Copied
	err = s.patiently(func() error {
		moved, err = s.view.box.Move(s.ctx, box, uids)
		return err
	})
	if err != nil {
		return err
	}
	if code := copyCode(moved); code != "" {
		s.untagged("OK", code, "Moved")
	}
	s.putInto(box, moved.Target)
	if s.muted() {
		s.tellGone(moved.Source)
	}
	return allGone(r, moved)
}

// readTransfer reads a set of messages and the mailbox where they are to go.
func (s *session) readTransfer(r *request) ([]gomail.UID, mailbox.Box, error) {
	s.dec.Space()
	set := s.dec.Set()
	s.dec.Space()
	name, bad := s.readMailbox()
	if err := s.dec.End(); err != nil {
		return nil, mailbox.Box{}, err
	}
	indexes, err := s.view.resolve(set, r.uid)
	if err != nil {
		return nil, mailbox.Box{}, err
	}
	box, err := s.target(name, bad)
	return s.view.uids(indexes), box, err
}

// copyCode renders COPYUID, RFC 9051 section 7.1; empty when nothing was
// there to copy.
func copyCode(c mailbox.Copied) string {
	if len(c.Source) == 0 {
		return ""
	}
	return fmt.Sprintf("COPYUID %d %s %s", c.UIDValidity, imapwire.FormatSet(c.Source), imapwire.FormatSet(c.Target))
}
