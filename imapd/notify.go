package imapd

import (
	"slices"

	"gomail"
	"gomail/mailbox"
)

// event is a set of what a client may be notified of, RFC 5465 section 5.
type event uint8

const (
	messageNew event = 1 << iota
	messageExpunge
	flagChange
	mailboxName
	subscriptionChange
	mailboxMetadataChange
	serverMetadataChange

	messageEvents = messageNew | messageExpunge | flagChange
)

// eventNames are the events there are, in the order of their bits.
var eventNames = [...]string{"MessageNew", "MessageExpunge", "FlagChange", "MailboxName", "SubscriptionChange", "MailboxMetadataChange", "ServerMetadataChange"}

func (e event) has(other event) bool { return e&other == other }

// eventGroup is which events a client wants to know of which mailboxes.
type eventGroup struct {
	filter mailboxFilter
	events event
	fetch  fetchQuery // what is told of new messages in the open mailbox
}

// notifyRequest is what NOTIFY SET asks for.
type notifyRequest struct {
	status   bool
	selected eventGroup // of the open mailbox
	others   []eventGroup
	unknown  bool // an event that there is not was named
}

// maxEventGroups is how many groups one NOTIFY may have.
const maxEventGroups = 100

// notify answers NOTIFY, RFC 5465 section 3.1.
func (s *session) notifyCommand(*request) error {
	s.dec.Space()
	switch s.dec.Word() {
	case "NONE":
		if err := s.dec.End(); err != nil {
			return err
		}
		s.stopNotifying()
		return nil
	case "SET":
	default:
		s.dec.Fail("Expected SET or NONE")
	}
	q := s.readNotify()
	if err := s.dec.End(); err != nil {
		return err
	}
	if q.unknown {
		return coded("BADEVENT ("+joinWords(eventNames[:])+")", gomail.Errorf(gomail.Invalid, "There is no such event"))
	}
	return s.startNotifying(q)
}

// readNotify reads STATUS and the groups.
func (s *session) readNotify() (q notifyRequest) {
	s.dec.Space()
	if s.dec.TryWord("STATUS") {
		q.status = true
		s.dec.Space()
	}
	for groups := 1; ; groups++ {
		s.readEventGroup(&q)
		if s.dec.Err() != nil || !s.dec.TrySpace() {
			return q
		}
		if groups == maxEventGroups {
			s.dec.Fail("Too many groups of events")
		}
	}
}

// readEventGroup reads (mailboxes events).
func (s *session) readEventGroup(q *notifyRequest) {
	s.dec.Expect('(')
	g := eventGroup{filter: s.readMailboxFilter()}
	if g.filter.kind == "SUBTREE-ONE" {
		s.dec.Fail("Unknown specifier of mailboxes")
	}
	s.dec.Space()
	if !s.dec.TryWord("NONE") {
		s.readEvents(q, &g)
	}
	s.dec.Expect(')')
	s.checkEvents(g)
	switch {
	case !g.filter.selects():
		q.others = append(q.others, g)
	case q.selected.filter.kind != "":
		s.dec.Fail("The selected mailbox is named twice")
	default:
		q.selected = g
	}
}

// readEvents reads the list of events of a group.
func (s *session) readEvents(q *notifyRequest, g *eventGroup) {
	s.dec.List(func() {
		word := s.dec.Atom()
		i := slices.IndexFunc(eventNames[:], func(name string) bool { return upper(name) == upper(word) })
		if i < 0 {
			q.unknown = true
			return
		}
		g.events |= 1 << i
		if event(1<<i) == messageNew && s.dec.TryText(" (") {
			s.readNewItems(g)
		}
	})
	if g.events == 0 && !q.unknown {
		s.dec.Fail("Expected events")
	}
}

// readNewItems reads the items that follow MessageNew.
func (s *session) readNewItems(g *eventGroup) {
	if !g.filter.selects() {
		s.dec.Fail("Items are told of messages in the selected mailbox alone")
	}
	g.fetch = s.readItemList()
}

// checkEvents refuses what RFC 5465 section 5 has refused.
func (s *session) checkEvents(g eventGroup) {
	both := messageNew | messageExpunge
	switch {
	case g.events&messageEvents != 0 && !g.events.has(both):
		s.dec.Fail("MessageNew and MessageExpunge go together, and FlagChange with them")
	case g.filter.selects() && g.events&^messageEvents != 0:
		s.dec.Fail("The selected mailbox has events of messages alone")
	}
}

// notifications are what a client has asked for, and how it knows the mailboxes.
type notifications struct {
	watch    *mailbox.Watch // nil: nothing is to be told by itself
	selected eventGroup
	groups   []eventGroup

	boxes  map[boxKey]mailbox.Box        // as told
	marks  map[metadataKey]gomail.ModSeq // of metadata, as told
	caused map[boxKey]caused             // by the client itself, and not seen yet
}

// boxKey identifies a mailbox among those of several accounts.
type boxKey struct {
	owner gomail.AccountID
	id    gomail.MailboxID
}

func keyOf(box mailbox.Box) boxKey { return boxKey{box.Owner, box.ID} }

type metadataKey struct {
	box   boxKey // id 0: the account
	entry string
}

// caused is what a client has put into a mailbox that is not open, or, negative,
// taken out of it.
type caused struct {
	messages int64
	uidNext  gomail.UID
}

// muted reports whether the client does not want to know what happens in the
// open mailbox: then the sequence numbers stay as they are until it changes
// something itself.
func (s *session) muted() bool { return s.notify != nil && s.notify.selected.events == 0 }

// stopNotifying is NOTIFY NONE.
func (s *session) stopNotifying() {
	s.closeWatch()
	s.notify = &notifications{}
}

func (s *session) closeWatch() {
	if s.notify != nil && s.notify.watch != nil {
		s.notify.watch.Close()
		s.notify.watch = nil
	}
}

// startNotifying tells what was held back so far (it implies NOOP), and then
// what the mailboxes are like when that was asked for.
func (s *session) startNotifying(q notifyRequest) error {
	s.closeWatch()
	s.notify = nil
	if s.view != nil {
		if err := s.poll(); err != nil || s.done {
			return err
		}
	}
	if q.selected.fetch.has(itemModSeq) {
		s.enableCondstore()
	}
	n := &notifications{selected: q.selected, groups: q.others}
	if q.selected.events != 0 || len(q.others) > 0 {
		n.watch = s.user.Watch(s.wake) // before the mailboxes are looked at
	}
	s.notify = n
	err := s.learnMailboxes(q.status)
	if err != nil {
		s.stopNotifying()
	}
	return err
}
