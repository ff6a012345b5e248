package imapd

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"

	"gomail"
	"gomail/mailbox"
)

// maxNotified is of how many mailboxes a session knows what it has told.
const maxNotified = 5_000

// errOverflow is too much to be notified of, RFC 5465 section 5.8.
var errOverflow = coded("NOTIFICATIONOVERFLOW", gomail.Errorf(gomail.TooMany, "There are more than %d mailboxes to watch", maxNotified))

// wanted returns the events that the client wants to know of a mailbox by its
// name.
func (n *notifications) wanted(box mailbox.Box) (all event) {
	for _, g := range n.groups {
		if g.filter.covers(box) {
			all |= g.events
		}
	}
	if !box.Rights.Has(mailbox.Read) {
		all &^= messageEvents
	}
	return all
}

// wants reports whether any of the events is wanted of any mailbox.
func (n *notifications) wants(e event) bool {
	return slices.ContainsFunc(n.groups, func(g eventGroup) bool { return g.events&e != 0 })
}

// learnMailboxes notes what the mailboxes are like from where notifications go
// on, and tells it when status is asked for (RFC 5465 section 3.1).
func (s *session) learnMailboxes(status bool) error {
	n := s.notify
	if len(n.groups) == 0 {
		s.follow(nil)
		return nil
	}
	boxes, err := s.user.List(s.ctx)
	if err == nil && len(boxes) > maxNotified {
		err = errOverflow
	}
	if err != nil {
		return err
	}
	n.boxes = make(map[boxKey]mailbox.Box, len(boxes))
	for _, box := range boxes {
		n.boxes[keyOf(box)] = box
		if err := s.writeLearned(box, status); err != nil {
			return err
		}
	}
	s.follow(boxes)
	n.marks, err = s.readMarks(boxes)
	return err
}

// writeLearned tells of one mailbox before it is watched.
func (s *session) writeLearned(box mailbox.Box, status bool) error {
	explicit := slices.ContainsFunc(s.notify.groups, func(g eventGroup) bool { return g.events&messageEvents != 0 && g.filter.covers(box) })
	if explicit && !box.Rights.Has(mailbox.Read) {
		s.out.Text(`* LIST (\NoAccess) "/" `)
		s.out.Mailbox(box.Path)
		s.out.Text("\r\n")
	}
	wanted := s.notify.wanted(box)
	if !status || wanted&messageEvents == 0 || s.isOpen(box) {
		return nil
	}
	items := []string{"MESSAGES", "UIDNEXT", "UIDVALIDITY"}
	if wanted.has(flagChange) || s.condstore {
		items = append(items, "HIGHESTMODSEQ")
	}
	return s.writeStatus(box, items)
}

func (s *session) isOpen(box mailbox.Box) bool {
	return s.view != nil && keyOf(s.view.box) == keyOf(box)
}

// follow watches the accounts whose mailboxes are to be told of.
func (s *session) follow(boxes []mailbox.Box) {
	n := s.notify
	if n == nil || n.watch == nil {
		return
	}
	accounts := []gomail.AccountID{s.user.ID()}
	if s.view != nil {
		accounts = append(accounts, s.view.box.Owner)
	}
	for _, box := range boxes {
		if box.Shared() && n.wanted(box) != 0 {
			accounts = append(accounts, box.Owner)
		}
	}
	slices.Sort(accounts)
	n.watch.Follow(slices.Compact(accounts)...)
}

// followOpen watches the account of the mailbox that was just opened, too.
func (s *session) followOpen() {
	if s.notify != nil && s.notify.watch != nil && s.view.box.Shared() {
		s.follow(sortedBoxes(s.notify.boxes))
	}
}

// awaitNotified tells what happens until the next command begins to arrive.
func (s *session) awaitNotified() error {
	err := s.out.Flush()
	if err != nil {
		return err
	}
	err = s.tellUntilInput(func() error {
		err := s.tellNotified(false)
		if err == nil && s.done {
			err = errClosing
		}
		return err
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.ended(s.whyEnded(err))
	}
	return err
}

// tellNotified tells what happened: in the open mailbox, and in the others.
// Between commands a client that uses sequence numbers is spared that they
// change (RFC 5465 section 6.1.2). Where that fails, the client is told to look
// for itself from here on.
func (s *session) tellNotified(command bool) error {
	var err error
	n := s.notify
	if s.view != nil && n.selected.events != 0 {
		s.holdExpunges = !command && n.selected.filter.kind == "SELECTED-DELAYED"
		err = s.poll()
		s.holdExpunges = false
	}
	if err == nil && len(n.groups) > 0 && !s.done {
		err = s.tellMailboxes()
	}
	if err != nil && s.out.Err() == nil && s.ctx.Err() == nil {
		s.log.Warn("Notifying an IMAP client failed", slog.Any("error", err))
		s.untagged("OK", "NOTIFICATIONOVERFLOW", "Notifications end here: "+sentence(err))
		s.stopNotifying()
	}
	return s.out.Flush()
}

// tellMailboxes compares the mailboxes with what the client knows of them.
func (s *session) tellMailboxes() error {
	n := s.notify
	boxes, err := s.user.List(s.ctx)
	if err == nil && len(boxes) > maxNotified {
		err = errOverflow
	}
	if err != nil {
		return err
	}
	known := n.boxes
	n.boxes = make(map[boxKey]mailbox.Box, len(boxes))
	for _, box := range boxes {
		n.boxes[keyOf(box)] = box
	}
	s.tellNames(known, boxes)
	for _, box := range boxes {
		if old, was := known[keyOf(box)]; was && !s.isOpen(box) {
			if err := s.tellMessages(old, box); err != nil {
				return err
			}
		}
	}
	s.follow(boxes)
	return s.tellMetadata(boxes)
}

// tellNames tells of mailboxes that are gone, new, renamed, or subscribed to.
func (s *session) tellNames(known map[boxKey]mailbox.Box, boxes []mailbox.Box) {
	t := nameTeller{s: s, boxes: boxes, told: map[string]bool{}}
	for _, old := range sortedBoxes(known) {
		if _, there := s.notify.boxes[keyOf(old)]; !there && s.notify.wanted(old).has(mailboxName) {
			t.gone(old.Path)
			t.parent(old.Path)
		}
	}
	for _, box := range boxes {
		old, was := known[keyOf(box)]
		wanted := s.notify.wanted(box)
		if was { // it may have had a name that was watched
			wanted |= s.notify.wanted(old)
		}
		moved := was && (old.Parent != box.Parent || lastLevel(old.Path) != lastLevel(box.Path))
		switch {
		case !was && wanted.has(mailboxName):
			t.there(box, "")
			t.parent(box.Path)
		case moved && wanted.has(mailboxName):
			t.there(box, old.Path)
		case was && old.Subscribed != box.Subscribed && wanted.has(subscriptionChange):
			t.there(box, "")
		}
	}
}

func sortedBoxes(known map[boxKey]mailbox.Box) []mailbox.Box {
	all := make([]mailbox.Box, 0, len(known))
	for _, box := range known {
		all = append(all, box)
	}
	slices.SortFunc(all, func(a, b mailbox.Box) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func lastLevel(path string) string {
	return path[strings.LastIndexByte(path, gomail.MailboxSeparator)+1:]
}

// nameTeller writes LIST of what happened to mailboxes, each name once.
type nameTeller struct {
	s     *session
	boxes []mailbox.Box
	tree  *boxTree // of boxes, once it is needed
	told  map[string]bool
}

func (t *nameTeller) gone(path string) {
	t.told[path] = true
	t.s.out.Text(`* LIST (\NonExistent) "/" `)
	t.s.out.Mailbox(path)
	t.s.out.Text("\r\n")
}

// there tells of a mailbox as it is now, and what it was called before.
func (t *nameTeller) there(box mailbox.Box, old string) {
	if t.tree == nil {
		tree := newBoxTree(t.boxes)
		t.tree = &tree
	}
	if t.told[box.Path] {
		return
	}
	t.told[box.Path] = true
	attrs := attributes(listed{Box: box}, t.tree.hasChildren[box.Path])
	if box.Subscribed {
		attrs = append(attrs, `\Subscribed`)
	}
	out := &t.s.out
	out.Text("* LIST (" + joinWords(attrs) + `) "/" `)
	out.Mailbox(box.Path)
	if old != "" {
		out.Text(` ("OLDNAME" (`)
		out.Mailbox(old)
		out.Text("))")
	}
	out.Text("\r\n")
}

// parent tells of the mailbox above one that came or went: it is affected, too
// (RFC 5465 section 5.4).
func (t *nameTeller) parent(path string) {
	i := strings.LastIndexByte(path, gomail.MailboxSeparator)
	for _, box := range t.boxes {
		if i > 0 && box.Path == path[:i] && t.s.notify.wanted(box).has(mailboxName) {
			t.there(box, "")
		}
	}
}

// tellMessages tells of what happened to messages of a mailbox that is not
// open, by STATUS (RFC 5465 sections 5.1 to 5.3).
func (s *session) tellMessages(old, box mailbox.Box) error {
	wanted := s.notify.wanted(box)
	var items []string
	other := old.UIDNext != box.UIDNext || old.Total != box.Total
	if other && s.causedIt(old, box) {
		other = false
	}
	if other && wanted.has(messageNew) {
		items = append(items, "UIDVALIDITY", "UIDNEXT", "MESSAGES")
	}
	if wanted.has(flagChange) && old.Unseen != box.Unseen {
		items = append(items, "UNSEEN")
	}
	changed := len(items) > 0 || wanted.has(flagChange) && old.HighestModSeq != box.HighestModSeq
	if changed && s.condstore {
		items = append(items, "HIGHESTMODSEQ")
	}
	if old.UIDValidity != box.UIDValidity && wanted&messageEvents != 0 || len(items) > 0 {
		if !slices.Contains(items, "UIDVALIDITY") {
			items = append([]string{"UIDVALIDITY"}, items...)
		}
	}
	if len(items) == 0 {
		return nil
	}
	return s.writeStatus(box, items)
}

// causedIt reports whether what is new in a mailbox is what the client itself
// has put there, which it is not told.
func (s *session) causedIt(old, box mailbox.Box) bool {
	c, is := s.notify.caused[keyOf(box)]
	if is && box.UIDNext >= c.uidNext {
		delete(s.notify.caused, keyOf(box))
	}
	return is && box.UIDNext == c.uidNext && box.Total == old.Total+c.messages
}

// tellMetadata tells the names of entries that have changed or gone (RFC 5465
// sections 5.6 and 5.7).
func (s *session) tellMetadata(boxes []mailbox.Box) error {
	n := s.notify
	known := n.marks
	marks, err := s.readMarks(boxes)
	if err != nil || marks == nil {
		return err
	}
	n.marks = marks
	changed := map[boxKey][]string{}
	for key, mark := range marks {
		if before, was := known[key]; !was || before != mark {
			changed[key.box] = append(changed[key.box], key.entry)
		}
	}
	still, err := s.stillThere(known, marks)
	if err != nil {
		return err
	}
	for key := range known {
		if _, there := marks[key]; !there && still(key.box) {
			changed[key.box] = append(changed[key.box], key.entry)
		}
	}
	if n.wants(serverMetadataChange) {
		s.writeChangedMetadata("", changed[boxKey{s.user.ID(), 0}])
	}
	for _, box := range boxes {
		if n.wanted(box).has(mailboxMetadataChange) {
			s.writeChangedMetadata(box.Path, changed[keyOf(box)])
		}
	}
	return nil
}

// stillThere tells the mailboxes whose entries may have gone from those that
// have gone with their entries, since they were listed: of these the client
// hears by their names.
func (s *session) stillThere(known, marks map[metadataKey]gomail.ModSeq) (still func(boxKey) bool, err error) {
	gone := false
	for key := range known {
		_, there := marks[key]
		gone = gone || !there
	}
	if !gone {
		return func(boxKey) bool { return true }, nil
	}
	boxes, err := s.user.List(s.ctx)
	there := map[boxKey]bool{{s.user.ID(), 0}: true}
	for _, box := range boxes {
		there[keyOf(box)] = true
	}
	return func(key boxKey) bool { return there[key] }, err
}

func (s *session) writeChangedMetadata(path string, entries []string) {
	if len(entries) == 0 {
		return
	}
	slices.Sort(entries)
	s.out.Text("* METADATA ")
	s.writeMetadataName(path)
	for _, entry := range entries {
		s.out.Text(" ")
		s.out.Astring(entry)
	}
	s.out.Text("\r\n")
}

// readMarks reads when metadata was last changed; nil when nobody asks.
func (s *session) readMarks(boxes []mailbox.Box) (map[metadataKey]gomail.ModSeq, error) {
	n := s.notify
	if !n.wants(mailboxMetadataChange | serverMetadataChange) {
		return nil, nil
	}
	var others []mailbox.Box
	for _, box := range boxes {
		if box.Shared() && n.wanted(box).has(mailboxMetadataChange) {
			others = append(others, box)
		}
	}
	all, err := s.user.MetadataMarks(s.ctx, others)
	marks := make(map[metadataKey]gomail.ModSeq, len(all))
	for _, m := range all {
		marks[metadataKey{boxKey{m.Place.Account, m.Place.Mailbox}, m.Entry}] = m.ModSeq
	}
	return marks, err
}
