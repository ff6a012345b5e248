package imapd

import (
	"time"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
	"gomail/message"
)

// fetch answers FETCH and UID FETCH, RFC 9051 section 6.4.5.
func (s *session) fetch(r *request) error {
	s.dec.Space()
	set := s.dec.Set()
	s.dec.Space()
	q := s.readFetch()
	if err := s.dec.End(); err != nil {
		return err
	}
	if q.vanished && (!r.uid || !s.qresync || q.changedSince < 0) {
		return syntaxError("VANISHED needs UID FETCH, CHANGEDSINCE and QRESYNC enabled")
	}
	if q.partial != nil && !r.uid {
		return syntaxError("PARTIAL needs UID FETCH")
	}
	s.completeQuery(r, &q)
	if r.uid && q.changedSince >= 0 {
		if err := s.poll(); err != nil || s.done {
			return err
		}
	}
	indexes, err := s.view.resolve(set, r.uid)
	if err != nil {
		return err
	}
	if q.vanished {
		if err := s.writeVanishedEarlier(q.changedSince, set.Resolve(max(s.view.lastUID(), 1))); err != nil {
			return err
		}
	}
	indexes = s.changedSince(indexes, q.changedSince)
	if q.partial != nil {
		indexes = q.partial.of(indexes)
	}
	return s.writeFetched(r, q, indexes)
}

// completeQuery adds the items that the form of the command implies.
func (s *session) completeQuery(r *request, q *fetchQuery) {
	if q.has(itemModSeq) || q.changedSince >= 0 {
		s.enableCondstore()
	}
	if q.changedSince >= 0 && !q.has(itemModSeq) {
		q.items = append(q.items, fetchItem{kind: itemModSeq})
	}
	if r.uid && !s.uidOnly && !q.has(itemUID) {
		q.items = append([]fetchItem{{kind: itemUID}}, q.items...)
	}
}

// changedSince keeps the messages with a higher modification sequence.
func (s *session) changedSince(indexes []int, since gomail.ModSeq) []int {
	if since < 0 {
		return indexes
	}
	kept := indexes[:0]
	for _, i := range indexes {
		if s.view.entries[i].ModSeq > since {
			kept = append(kept, i)
		}
	}
	return kept
}

// writeFetched answers for the messages at the indexes.
func (s *session) writeFetched(r *request, q fetchQuery, indexes []int) error {
	seen, err := s.markSeen(q, indexes)
	if err != nil {
		return err
	}
	f := fetcher{s: s, q: q, seen: seen, saved: saveDates{s: s}, threads: threadIDs{s: s}}
	if !q.needsRows() {
		for _, i := range indexes {
			if err := f.write(i, &loaded{}); err != nil {
				return err
			}
		}
		return s.out.Err()
	}
	if err := f.rows(indexes); err != nil {
		return err
	}
	if f.written < len(indexes) {
		r.code, r.text = "EXPUNGEISSUED", "Some messages are gone"
	}
	if f.unknownEncoding {
		return coded("UNKNOWN-CTE", gomail.Errorf(gomail.Invalid, "A part has a transfer encoding that is not known"))
	}
	return s.out.Err()
}

// markSeen sets \Seen on the messages about to be read, in one transaction,
// and returns the UIDs for which that was news.
func (s *session) markSeen(q fetchQuery, indexes []int) (map[gomail.UID]bool, error) {
	if !q.setsSeen() || s.view.readOnly || !s.view.box.Rights.Has(mailbox.Seen) {
		return nil, nil
	}
	var unseen []gomail.UID
	for _, i := range indexes {
		if e := &s.view.entries[i]; !e.Flags.Has(gomail.FlagSeen) {
			unseen = append(unseen, e.UID)
		}
	}
	if len(unseen) == 0 {
		return nil, nil
	}
	change := mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagSeen, UnchangedSince: -1}
	result, err := s.view.box.SetFlags(s.ctx, unseen, change)
	if err != nil {
		return nil, err
	}
	news := map[gomail.UID]bool{}
	for _, e := range result.Changed {
		if i, ok := s.view.find(e.UID); ok {
			s.view.entries[i] = e
			s.view.touch(e.UID)
			news[e.UID] = true
		}
	}
	return news, nil
}

// fetcher writes the FETCH responses of one command.
type fetcher struct {
	s               *session
	q               fetchQuery
	seen            map[gomail.UID]bool // whose flags have changed by this command
	saved           saveDates
	threads         threadIDs
	written         int
	unknownEncoding bool
}

// rows answers for messages of which more is needed than the view has.
func (f *fetcher) rows(indexes []int) error {
	if f.q.depth() < mailbox.WithContent || !f.q.onlyFields() {
		return f.s.eachItem(indexes, f.q.depth(), f.write)
	}
	var read []int // whose indexes do not tell the fields
	err := f.s.eachItem(indexes, mailbox.WithIndex, func(i int, row *loaded) error {
		if !f.knows(row) {
			read = append(read, i)
			return nil
		}
		return f.write(i, row)
	})
	if err != nil || len(read) == 0 {
		return err
	}
	return f.s.eachItem(read, mailbox.WithContent, f.write)
}

// knows reports whether a message's index tells the header fields that are
// asked for, and notes them.
func (f *fetcher) knows(row *loaded) (ok bool) {
	row.fields = row.fields[:0]
	for n := range f.q.items {
		var fields []byte
		if item := &f.q.items[n]; item.kind == itemSection {
			if fields, ok = item.asked.Of(row.Index, row.Own, row.Shift > 0); !ok {
				return false
			}
		}
		row.fields = append(row.fields, fields)
	}
	return true
}

// write answers for one message. Its content was opened before anything is
// written, so that a message whose content is lost is an error of its own and
// not a broken response.
func (f *fetcher) write(i int, row *loaded) error {
	m := fetched{fetcher: f, entry: &f.s.view.entries[i], row: row}
	if err := m.open(i); err != nil {
		if gomail.KindOf(err) == gomail.NotFound {
			return nil // expunged meanwhile
		}
		return err
	}
	out := &f.s.out
	f.s.beginFetch(i, false)
	for n := range f.q.items {
		if n > 0 {
			out.Text(" ")
		}
		m.writeItem(n)
	}
	if f.seen[m.entry.UID] && !f.q.has(itemFlags) {
		out.Text(" ")
		f.s.writeFlagItem(m.entry)
	}
	if f.s.condstore && f.seen[m.entry.UID] && !f.q.has(itemModSeq) {
		out.Text(" ")
		f.s.writeModSeqItem(m.entry)
	}
	out.Text(")\r\n")
	f.written++
	return nil
}

// fetched is one message while its response is written.
type fetched struct {
	*fetcher
	entry *mailbox.Entry
	row   *loaded
	index *message.Index
	saved time.Time // where SAVEDATE is asked for

	thread string // where THREADID is asked for
}

// open gets ready what the items need.
func (m *fetched) open(i int) (err error) {
	if m.q.has(itemThreadID) {
		if m.thread, err = m.threads.of(i); err != nil {
			return err
		}
	}
	if m.q.has(itemSaveDate) {
		if m.saved, err = m.fetcher.saved.of(i); err != nil {
			return err
		}
	}
	if m.row.content == nil || m.row.err != nil {
		return m.row.err
	}
	if m.q.needsParts() {
		m.index, err = message.UnmarshalIndex(m.row.Index)
	} else {
		m.index, err = message.UnmarshalRanges(m.row.Index)
	}
	return err
}

// writeItem writes one data item with its name.
func (m *fetched) writeItem(n int) {
	out, item := &m.s.out, &m.q.items[n]
	switch item.kind {
	case itemUID:
		out.Text("UID ")
		out.Int(int64(m.entry.UID))
	case itemFlags:
		m.s.writeFlagItem(m.entry)
	case itemModSeq:
		m.s.writeModSeqItem(m.entry)
	case itemEmailID:
		out.Text("EMAILID (" + emailID(m.s.view.box, m.entry.Message) + ")")
	case itemThreadID:
		m.writeThreadID()
	case itemSaveDate:
		m.writeSaveDate()
	case itemDate:
		out.Text(`INTERNALDATE "` + imapwire.FormatDateTime(m.entry.InternalDate()) + `"`)
	case itemSize:
		out.Text("RFC822.SIZE ")
		out.Int(m.entry.Size)
	case itemEnvelope:
		out.Text("ENVELOPE ")
		out.Raw(message.EnvelopeOf(m.row.Index))
	case itemBody:
		out.Text("BODY ")
		out.Raw(message.StructureOf(m.row.Index, false))
	case itemBodyStructure:
		out.Text("BODYSTRUCTURE ")
		out.Raw(message.StructureOf(m.row.Index, true))
	case itemSection:
		if m.row.content == nil {
			m.writeKnownFields(item, m.row.fields[n])
			return
		}
		m.writeSection(item)
	case itemPreview:
		m.writePreview()
	default:
		m.writeBinary(item)
	}
}
