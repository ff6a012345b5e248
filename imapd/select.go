package imapd

import (
	"fmt"

	"gomail"
	"gomail/imapd/imapwire"
)

// selectMailbox answers SELECT, RFC 9051 section 6.3.2.
func (s *session) selectMailbox(r *request) error { return s.open(r, false) }

// examine answers EXAMINE, RFC 9051 section 6.3.3.
func (s *session) examine(r *request) error { return s.open(r, true) }

// resync is what a client knows of a mailbox from before, RFC 7162 section
// 3.2.5.
type resync struct {
	asked       bool
	uidValidity uint32
	modSeq      gomail.ModSeq
	known       imapwire.Set // UIDs; without spans: all
}

// open makes a mailbox the session's, and tells what is in it. Whatever comes
// of it, the one before is closed.
func (s *session) open(r *request, readOnly bool) error {
	s.dec.Space()
	name, bad := s.readMailbox()
	var qr resync
	condstore := false
	if s.dec.TrySpace() {
		s.dec.List(func() { s.readSelectParam(&qr, &condstore) })
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	if qr.asked && !s.qresync {
		return &imapwire.SyntaxError{Text: "QRESYNC has to be enabled first"}
	}
	if s.view != nil {
		s.view = nil
		s.untagged("OK", "CLOSED", "The previous mailbox is closed")
	}
	if bad != nil {
		return bad
	}
	box, err := s.user.Lookup(s.ctx, name)
	if err != nil {
		return err
	}
	snap, err := box.Snapshot(s.ctx)
	if err != nil {
		return err
	}
	s.view = newView(box, snap, readOnly)
	s.followOpen()
	s.condstore = s.condstore || condstore
	s.writeOpened()
	if qr.asked && qr.uidValidity == s.view.box.UIDValidity {
		if err := s.writeResync(qr); err != nil {
			return err
		}
	}
	if r.code = "READ-WRITE"; s.view.readOnly {
		r.code = "READ-ONLY"
	}
	return nil
}

// readSelectParam reads CONDSTORE or QRESYNC (validity modseq [uids [(seqs
// uids)]]). The last hint only saves octets, so it is read and not used.
func (s *session) readSelectParam(qr *resync, condstore *bool) {
	switch word := s.dec.Word(); word {
	case "CONDSTORE":
		*condstore = true
	case "QRESYNC":
		qr.asked, *condstore = true, true
		s.dec.Space()
		s.dec.Expect('(')
		qr.uidValidity = s.dec.Number()
		s.dec.Space()
		qr.modSeq = gomail.ModSeq(s.dec.Number64())
		for s.dec.TrySpace() {
			if s.dec.Peek() != '(' {
				qr.known = s.dec.Set()
				continue
			}
			if s.uidOnly {
				s.dec.FailAs(errUIDRequired())
			}
			s.dec.List(func() { s.dec.Set() })
		}
		s.dec.Expect(')')
	default:
		s.dec.Fail("Unknown parameter of SELECT")
	}
}

// writeOpened tells what RFC 9051 section 6.3.2 and RFC 3501 section 6.3.1
// ask for.
func (s *session) writeOpened() {
	v := s.view
	s.writeFlagList()
	s.writeExists()
	if !s.rev2 {
		s.out.Text("* 0 RECENT\r\n")
		s.writeFirstUnseen()
	}
	s.untagged("OK", fmt.Sprintf("UIDVALIDITY %d", v.box.UIDValidity), "UIDs are valid")
	s.untagged("OK", fmt.Sprintf("UIDNEXT %d", v.box.UIDNext), "The next UID")
	s.writeHighestModSeq()
	s.untagged("OK", "MAILBOXID ("+mailboxID(v.box)+")", "The mailbox's id")
	if s.rev2 {
		s.out.Text(`* LIST () "/" `)
		s.out.Mailbox(v.box.Path)
		s.out.Text("\r\n")
	}
}

// writeFirstUnseen tells the first message without \Seen, RFC 3501 section
// 7.1.
func (s *session) writeFirstUnseen() {
	if s.view.box.Unseen == 0 || s.uidOnly {
		return
	}
	for i := range s.view.entries {
		if !s.view.entries[i].Flags.Has(gomail.FlagSeen) {
			s.untagged("OK", fmt.Sprintf("UNSEEN %d", i+1), "The first unseen message")
			return
		}
	}
}

// writeResync tells what vanished and what changed since the client's
// modification sequence, RFC 7162 section 3.2.5.2.
func (s *session) writeResync(qr resync) error {
	var known []imapwire.Span
	if len(qr.known.Spans) > 0 {
		known = qr.known.Resolve(uint32(s.view.box.UIDNext) - 1)
	}
	if err := s.writeVanishedEarlier(qr.modSeq, known); err != nil {
		return err
	}
	for i := range s.view.entries {
		if e := &s.view.entries[i]; e.ModSeq > qr.modSeq && (known == nil || within(known, e.UID)) {
			s.writeFlags(i)
		}
	}
	return nil
}

// writeVanishedEarlier tells which UIDs of a set are gone since a modification
// sequence; all when there is no set. Where the log does not reach back that
// far, it is every UID that is not there.
func (s *session) writeVanishedEarlier(since gomail.ModSeq, set []imapwire.Span) error {
	delta, err := s.view.box.Changes(s.ctx, since)
	if err != nil {
		return err
	}
	if set == nil {
		set = []imapwire.Span{{First: 1, Last: max(uint32(s.view.box.UIDNext)-1, 1)}}
	}
	gone := s.missing(set)
	if delta.Complete {
		gone = intersectUIDs(set, delta.Vanished)
	}
	if text := formatSpans(gone); text != "" {
		s.out.Text("* VANISHED (EARLIER) " + text + "\r\n")
	}
	return nil
}
