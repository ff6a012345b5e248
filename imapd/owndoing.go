package imapd

import (
	"strings"

	"gomail"
	"gomail/mailbox"
)

// What a client does itself it is not notified of (RFC 5465 section 5). It is
// noted as known, or as expected, and what others do meanwhile is told all the
// same.

// putInto notes messages that this client has put into a mailbox.
func (s *session) putInto(box mailbox.Box, uids []gomail.UID) {
	switch {
	case len(uids) == 0 || s.notify == nil:
	case s.isOpen(box):
		s.view.own = append(s.view.own, uids...)
	default:
		s.notify.expect(box, int64(len(uids)), uids[len(uids)-1]+1)
	}
}

// tookOut notes messages that this client has removed by closing a mailbox.
func (s *session) tookOut(box mailbox.Box, messages int) {
	if s.notify != nil && messages > 0 {
		s.notify.expect(box, -int64(messages), box.UIDNext)
	}
}

// expect notes how a mailbox that is not open will have changed.
func (n *notifications) expect(box mailbox.Box, messages int64, uidNext gomail.UID) {
	if n.boxes == nil {
		return
	}
	if n.caused == nil {
		n.caused = map[boxKey]caused{}
	}
	c := n.caused[keyOf(box)]
	n.caused[keyOf(box)] = caused{c.messages + messages, max(c.uidNext, uidNext)}
}

// changedNames notes what this client did to mailboxes with these paths: with
// those below them, and those above that were made along with them.
func (s *session) changedNames(paths ...string) {
	if s.notify == nil || s.notify.boxes == nil {
		return
	}
	boxes, err := s.user.List(s.ctx)
	if err != nil {
		return // then it is told
	}
	affected := func(path string) bool {
		for _, p := range paths {
			p = strings.TrimSuffix(p, string(gomail.MailboxSeparator))
			if within, at := strings.CutPrefix(path+"/", p+"/"); at || within == "" || strings.HasPrefix(p+"/", path+"/") {
				return true
			}
		}
		return false
	}
	now := make(map[boxKey]bool, len(boxes))
	for _, box := range boxes {
		key := keyOf(box)
		now[key] = true
		old, was := s.notify.boxes[key]
		switch {
		case !affected(box.Path) && !affected(old.Path):
		case was:
			old.Path, old.Parent, old.Subscribed = box.Path, box.Parent, box.Subscribed
			s.notify.boxes[key] = old
		default:
			s.notify.boxes[key] = box
		}
	}
	for key, old := range s.notify.boxes {
		if !now[key] && affected(old.Path) {
			delete(s.notify.boxes, key)
		}
	}
}

// changedMetadata notes which entries this client has changed, of a mailbox or
// of the account.
func (s *session) changedMetadata(of annotated, changes []mailbox.Metadata) {
	if s.notify == nil || s.notify.marks == nil {
		return
	}
	key := boxKey{owner: s.user.ID()}
	var boxes []mailbox.Box
	if box, is := of.(mailbox.Box); is {
		key, boxes = keyOf(box), []mailbox.Box{box}
	}
	marks, err := s.readMarks(boxes)
	if err != nil {
		return // then it is told
	}
	for _, m := range changes {
		k := metadataKey{key, m.Entry}
		if mark, there := marks[k]; there {
			s.notify.marks[k] = mark
		} else {
			delete(s.notify.marks, k)
		}
	}
}

// tellGone tells that messages which this client has removed are gone, where it
// does not want to know what others do.
func (s *session) tellGone(uids []gomail.UID) {
	s.forgetVanished(uids)
	s.writeVanished(s.view.remove(uids))
}
