package imapd

import (
	"cmp"
	"slices"
	"strings"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// poll tells the client what changed in the open mailbox since it was told
// last: what vanished, what is new, what has other flags; and what that means
// for the results that it wants kept up to date.
func (s *session) poll() error {
	if !s.muted() {
		if err := s.catchUp(); err != nil {
			return err
		}
	}
	s.updateContexts()
	return nil
}

func (s *session) catchUp() error {
	v := s.view
	if err := s.reviseRights(); err != nil || !v.box.Rights.Has(mailbox.Read) {
		return err
	}
	delta, err := v.box.Changes(s.ctx, v.seq)
	if gomail.KindOf(err) == gomail.NotFound {
		s.bye("NONEXISTENT", "The open mailbox was deleted")
		return nil
	}
	if err != nil {
		return err
	}
	if delta.Seq == v.seq {
		return nil
	}
	if !delta.Complete {
		if delta, err = s.wholeDelta(); err != nil {
			return err
		}
	}
	return s.apply(delta)
}

// wholeDelta finds the changes by comparing everything, for when the log does
// not reach back far enough.
func (s *session) wholeDelta() (mailbox.Delta, error) {
	snap, err := s.view.box.Snapshot(s.ctx)
	if err != nil {
		return mailbox.Delta{}, err
	}
	delta := mailbox.Delta{Mailbox: snap.Mailbox, Seq: snap.Seq, Changed: snap.Entries, Complete: true}
	i := 0
	for _, e := range s.view.entries {
		for i < len(snap.Entries) && snap.Entries[i].UID < e.UID {
			i++
		}
		if i == len(snap.Entries) || snap.Entries[i].UID != e.UID {
			delta.Vanished = append(delta.Vanished, e.UID)
		}
	}
	return delta, nil
}

// apply brings the view up to date and tells the client. Where it is not the
// time to tell what vanished, that is found again the next time.
func (s *session) apply(delta mailbox.Delta) error {
	v := s.view
	v.box.Mailbox = delta.Mailbox
	if !s.holdExpunges {
		v.seq = delta.Seq
		s.forgetVanished(delta.Vanished)
		s.writeVanished(v.remove(delta.Vanished))
	}
	var changed []int
	old := len(v.entries)
	for _, e := range delta.Changed {
		i, ok := v.find(e.UID)
		switch {
		case ok && v.entries[i].ModSeq == e.ModSeq && v.entries[i].Flags == e.Flags:
		case ok:
			v.entries[i] = e
			v.touch(e.UID)
			changed = append(changed, i)
		case i == len(v.entries):
			v.entries = append(v.entries, e)
			v.touch(e.UID)
		}
	}
	if len(v.entries) > old {
		v.firstNew = cmp.Or(v.firstNew, v.entries[old].UID)
		s.writeExists()
	}
	s.writeNewKeywords(delta.Changed)
	for _, i := range changed {
		if s.notify == nil || s.notify.selected.events.has(flagChange) {
			s.writeFlags(i)
		}
	}
	if !s.holdExpunges {
		v.modSeq = max(v.modSeq, delta.Mailbox.HighestModSeq)
	}
	return s.writeNew(old)
}

// writeNew tells what the client wants to know of the messages from an index
// on, unless it has put them there itself (RFC 5465 section 5.2).
func (s *session) writeNew(first int) error {
	v := s.view
	own := v.own
	v.own = nil
	if s.notify == nil || len(s.notify.selected.fetch.items) == 0 {
		return nil
	}
	var fresh []int
	for i := first; i < len(v.entries); i++ {
		if !slices.Contains(own, v.entries[i].UID) {
			fresh = append(fresh, i)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return s.writeFetched(&request{}, s.notify.selected.fetch, fresh)
}

// writeVanished tells of messages that are gone: one EXPUNGE each, with the
// sequence number it has once those before it are gone, or one VANISHED (RFC
// 7162 section 3.2.10).
func (s *session) writeVanished(gone []int, uids []gomail.UID) {
	if len(gone) == 0 {
		return
	}
	if s.qresync || s.uidOnly {
		s.out.Text("* VANISHED " + imapwire.FormatSet(uids) + "\r\n")
		return
	}
	for n, i := range gone {
		s.out.Text("* ")
		s.out.Int(int64(i + 1 - n))
		s.out.Text(" EXPUNGE\r\n")
	}
}

func (s *session) writeExists() {
	s.out.Text("* ")
	s.out.Int(int64(len(s.view.entries)))
	s.out.Text(" EXISTS\r\n")
}

// writeNewKeywords repeats FLAGS when keywords are in use that the client was
// not told of, RFC 9051 section 7.3.5.
func (s *session) writeNewKeywords(entries []mailbox.Entry) {
	learned := false
	for _, e := range entries {
		learned = s.view.learnKeywords(e.Keywords) || learned
	}
	if learned {
		s.writeFlagList()
	}
}

// writeFlagList tells the flags and keywords of the mailbox.
func (s *session) writeFlagList() {
	s.out.Text("* FLAGS (" + s.flagList() + ")\r\n")
	s.untagged("OK", "PERMANENTFLAGS ("+strings.Join(s.permanentFlags(), " ")+")", "Flags that can be changed")
}

func (s *session) flagList() string {
	names := make([]string, 0, len(gomail.SystemFlags)+len(s.view.keywords))
	for _, f := range gomail.SystemFlags {
		names = append(names, f.Name)
	}
	return strings.Join(append(names, s.view.keywords...), " ")
}

// permanentFlags are those that may be changed, by the rights (RFC 4314 section
// 5.1.1).
func (s *session) permanentFlags() []string {
	if s.view.readOnly {
		return nil
	}
	rights := s.view.box.Rights
	names := rights.Flags().Names()
	if rights.Has(mailbox.Write) {
		names = append(append(names, s.view.keywords...), `\*`)
	}
	return names
}

// writeFlags tells of one message's flags without being asked. The UID is in
// it so that clients that keep UIDs need not look it up.
func (s *session) writeFlags(i int) {
	e := &s.view.entries[i]
	s.beginFetch(i, true)
	s.writeFlagItem(e)
	if s.condstore {
		s.out.Text(" ")
		s.writeModSeqItem(e)
	}
	s.out.Text(")\r\n")
}

func (s *session) writeFlagItem(e *mailbox.Entry) {
	s.out.Text("FLAGS (")
	space := ""
	for _, f := range gomail.SystemFlags {
		if e.Flags.Has(f.Flag) {
			s.out.Text(space + f.Name)
			space = " "
		}
	}
	if e.Keywords != "" {
		s.out.Text(space + e.Keywords)
	}
	s.out.Text(")")
}

func (s *session) writeModSeqItem(e *mailbox.Entry) {
	s.out.Text("MODSEQ (")
	s.out.Int(int64(e.ModSeq))
	s.out.Text(")")
}

func (s *session) writeHighestModSeq() {
	s.out.Text("* OK [HIGHESTMODSEQ ")
	s.out.Int(int64(s.view.modSeq))
	s.out.Text("] Modification sequence\r\n")
}
