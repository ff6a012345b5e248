package imapd

import (
	"slices"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// storeRequest is what a STORE asks for.
type storeRequest struct {
	change      mailbox.FlagChange
	silent      bool
	conditional bool
}

// store answers STORE and UID STORE, RFC 9051 section 6.4.6, with
// UNCHANGEDSINCE (RFC 7162 section 3.1.3).
func (s *session) store(r *request) error {
	s.dec.Space()
	set := s.dec.Set()
	s.dec.Space()
	q := s.readStore()
	if err := s.dec.End(); err != nil {
		return err
	}
	if err := s.needWrite(); err != nil {
		return err
	}
	indexes, err := s.view.resolve(set, r.uid)
	if err != nil {
		return err
	}
	if q.conditional {
		s.enableCondstore()
	}
	if len(indexes) == 0 {
		return nil
	}
	var result mailbox.FlagResult
	err = s.patiently(func() error {
		result, err = s.view.box.SetFlags(s.ctx, s.view.uids(indexes), q.change)
		return err
	})
	if err != nil {
		return err
	}
	s.writeNewKeywords(result.Changed)
	for _, e := range result.Changed {
		s.writeStored(q, e)
	}
	s.storeCode(r, indexes, result)
	return nil
}

// readStore reads what follows the set.
func (s *session) readStore() storeRequest {
	q := storeRequest{change: mailbox.FlagChange{Op: mailbox.ReplaceFlags, UnchangedSince: -1}}
	if s.dec.Peek() == '(' {
		s.dec.List(func() {
			if !s.dec.TryWord("UNCHANGEDSINCE") {
				s.dec.Fail("Unknown modifier of STORE")
			}
			s.dec.Space()
			q.change.UnchangedSince = gomail.ModSeq(s.dec.Number64())
			q.conditional = true
		})
		s.dec.Space()
	}
	switch {
	case s.dec.Try('+'):
		q.change.Op = mailbox.AddFlags
	case s.dec.Try('-'):
		q.change.Op = mailbox.RemoveFlags
	}
	switch s.dec.Word() {
	case "FLAGS":
	case "FLAGS.SILENT":
		q.silent = true
	default:
		s.dec.Fail("Expected FLAGS")
	}
	s.dec.Space()
	if s.dec.Peek() == '(' {
		q.change.Flags, q.change.Keywords = s.readFlagList()
		return q
	}
	for {
		s.readFlag(&q.change.Flags, &q.change.Keywords)
		if !s.dec.TrySpace() {
			return q
		}
	}
}

// writeStored takes an entry as it is now into the view and tells of it. A
// silent client is spared what it can know, but not what others did to the
// flags meanwhile, and not a new modification sequence.
func (s *session) writeStored(q storeRequest, e mailbox.Entry) {
	i, ok := s.view.find(e.UID)
	if !ok {
		return
	}
	before := s.view.entries[i]
	s.view.entries[i] = e
	s.view.touch(e.UID)
	flags, keywords := q.change.Apply(before)
	switch {
	case !q.silent || flags != e.Flags || keywords != e.Keywords:
		s.writeFlags(i)
	case s.condstore && before.ModSeq != e.ModSeq:
		s.writeModSeq(i)
	}
}

func (s *session) writeModSeq(i int) {
	s.beginFetch(i, true)
	s.writeModSeqItem(&s.view.entries[i])
	s.out.Text(")\r\n")
}

// storeCode names the messages that failed the condition, or tells that some
// are gone.
func (s *session) storeCode(r *request, indexes []int, result mailbox.FlagResult) {
	if len(result.Modified) == 0 {
		if len(result.Changed) < len(indexes) {
			r.code, r.text = "EXPUNGEISSUED", "Some messages are gone"
		}
		return
	}
	r.text = "Some messages were changed meanwhile"
	if r.uid {
		r.code = "MODIFIED " + imapwire.FormatSet(result.Modified)
		return
	}
	numbers := s.view.indexes(result.Modified)
	for n := range numbers {
		numbers[n]++
	}
	slices.Sort(numbers)
	r.code = "MODIFIED " + imapwire.FormatSet(numbers)
}
