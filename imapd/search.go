package imapd

import (
	"errors"
	"slices"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// search answers SEARCH and UID SEARCH, RFC 9051 section 6.4.4.
func (s *session) search(r *request) error {
	s.badCharset = false
	s.beginWork()
	q := s.readSearch()
	if err := s.dec.End(); err != nil {
		return err
	}
	if s.badCharset {
		return errBadCharset()
	}
	if q.update {
		if err := s.checkContext(); err != nil {
			return err
		}
	}
	if q.modSeq {
		s.enableCondstore()
	}
	return s.searchView(r, q)
}

// find returns the indexes of the messages that match, ascending. Conditions
// on the view are tried first, for all messages; for what is left, what can be
// told from the rows; and for those of which that is not enough, all of them
// with the contents.
func (s *session) find(q searchQuery) ([]int, error) { return s.findAmong(q, nil) }

// findAmong is find for the messages at some indexes, ascending; nil: all.
func (s *session) findAmong(q searchQuery, among []int) ([]int, error) {
	if q.scores != nil && among == nil { // those of a kept result stay
		clear(q.scores.of)
	}
	sortByCost(q.keys)
	cheap := 0
	for cheap < len(q.keys) && q.keys[cheap].cost == costEntry {
		cheap++
	}
	first, rest := allOf(q.keys[:cheap]), allOf(q.keys[cheap:])
	var found []int
	total := len(s.view.entries)
	if among != nil {
		total = len(among)
	}
	for n := range total {
		i := n
		if among != nil {
			i = among[n]
		}
		c := candidate{s: s, index: i, entry: &s.view.entries[i]}
		if ok, _ := first.match(&c); ok {
			found = append(found, i)
		}
	}
	if cheap == len(q.keys) {
		return found, nil
	}
	defer s.view.box.Searching()()
	found = s.ruleOut(rest, found)
	if q.keys[cheap].cost == costContent {
		found, _, err := s.findIn(mailbox.WithContent, rest, found)
		return found, err
	}
	found, unsure, err := s.findIn(mailbox.WithIndex, rest, found)
	if err != nil || len(unsure) == 0 {
		return found, err
	}
	more, _, err := s.findIn(mailbox.WithContent, rest, unsure)
	found = append(found, more...)
	slices.Sort(found)
	return found, err
}

// fewMessages are read as soon as the text index is asked.
const fewMessages = 30

// ruleOut takes the messages out that do not match by the text index.
func (s *session) ruleOut(key searchKey, indexes []int) []int {
	if len(indexes) <= fewMessages {
		return indexes
	}
	return slices.DeleteFunc(indexes, func(i int) bool {
		return !key.possible(&candidate{s: s, index: i, entry: &s.view.entries[i]})
	})
}

// findIn keeps the messages that match, and returns those apart of which that
// cannot be told without their contents. Contents are looked through while they
// are read.
func (s *session) findIn(depth mailbox.Depth, key searchKey, indexes []int) (found, unsure []int, err error) {
	look := func(i int, row *loaded) {
		c := candidate{s: s, index: i, entry: &s.view.entries[i], row: row}
		row.matches, row.matchError = key.match(&c)
	}
	take := func(i int, row *loaded) error {
		switch err := row.matchError; {
		case errors.Is(err, errNeedsContent):
			unsure = append(unsure, i)
		case gomail.KindOf(err) == gomail.NotFound: // gone meanwhile
		case err != nil:
			return err
		case row.matches:
			found = append(found, i)
		}
		return nil
	}
	if depth == mailbox.WithContent && !key.alone && len(indexes) > 1 {
		err = s.eachContent(indexes, look, s.counted(len(indexes), take))
		return found, unsure, err
	}
	err = s.eachItem(indexes, depth, s.counted(len(indexes), func(i int, row *loaded) error {
		look(i, row)
		return take(i, row)
	}))
	return found, unsure, err
}

// saved returns what RETURN (SAVE) keeps: with MIN or MAX only those, RFC
// 5182 section 2.4, and with PARTIAL its share, RFC 9394.
func (q *searchQuery) saved(found []int) []int {
	if len(found) == 0 || q.all || q.count || !q.min && !q.max && q.partial == nil {
		return found
	}
	if q.partial != nil {
		return q.partial.of(found)
	}
	var kept []int
	if q.min {
		kept = append(kept, found[0])
	}
	if last := found[len(found)-1]; q.max && (len(kept) == 0 || kept[0] != last) {
		kept = append(kept, last)
	}
	return kept
}

// number returns what the command's form calls a message.
func (s *session) number(r *request, i int) uint32 {
	if r.uid {
		return uint32(s.view.entries[i].UID)
	}
	return uint32(i + 1)
}

// writeResult writes SEARCH, RFC 3501 section 7.2.5.
func (s *session) writeResult(r *request, q searchQuery, found []int) {
	s.out.Text("* SEARCH")
	for _, i := range found {
		s.out.Text(" ")
		s.out.Int(int64(s.number(r, i)))
	}
	s.writeHighest(q, found)
	s.out.Text("\r\n")
}

// writeHighest ends SEARCH and SORT that asked for modification sequences, RFC
// 7162 section 3.1.5.
func (s *session) writeHighest(q searchQuery, found []int) {
	if q.modSeq && len(found) > 0 {
		s.out.Text(" (MODSEQ ")
		s.out.Int(int64(s.highest(found)))
		s.out.Text(")")
	}
}

// highest returns the highest modification sequence of the messages.
func (s *session) highest(found []int) (highest gomail.ModSeq) {
	for _, i := range found {
		highest = max(highest, s.view.entries[i].ModSeq)
	}
	return highest
}

// writeExtendedResult writes ESEARCH, RFC 9051 section 7.3.4. A command that
// only saves has none.
func (s *session) writeExtendedResult(r *request, q searchQuery, found []int) {
	if !q.extended {
		q.all = true
	}
	if !q.min && !q.max && !q.all && !q.count && !q.update && q.partial == nil {
		return
	}
	s.out.Text("* ESEARCH (TAG ")
	s.out.String(r.tag)
	if q.correlated {
		s.writeCorrelators()
	}
	s.out.Text(")")
	if r.uid {
		s.out.Text(" UID")
	}
	if len(found) > 0 {
		s.writeFound(r, q, found)
	}
	if q.partial != nil {
		s.writePartial(r, q, found)
	}
	if q.count {
		s.out.Text(" COUNT ")
		s.out.Int(int64(len(found)))
	}
	if q.modSeq && len(found) > 0 {
		s.out.Text(" MODSEQ ")
		s.out.Int(int64(s.highest(found)))
	}
	s.out.Text("\r\n")
}

// writeCorrelators tells which mailbox a result is of, RFC 7377 section 2.1.
func (s *session) writeCorrelators() {
	s.out.Text(" MAILBOX ")
	s.out.Mailbox(s.view.box.Path)
	s.out.Text(" UIDVALIDITY ")
	s.out.Int(int64(s.view.box.UIDValidity))
}

func (s *session) writeFound(r *request, q searchQuery, found []int) {
	if q.min {
		s.out.Text(" MIN ")
		s.out.Int(int64(s.number(r, found[0])))
	}
	if q.max {
		s.out.Text(" MAX ")
		s.out.Int(int64(s.number(r, found[len(found)-1])))
	}
	if q.all {
		s.out.Text(" ALL " + imapwire.FormatSet(s.numbers(r, found)))
		if q.relevancy {
			s.writeRelevancy(q, found)
		}
	}
}

// numbers returns what the command's form calls the messages.
func (s *session) numbers(r *request, found []int) []uint32 {
	numbers := make([]uint32, len(found))
	for n, i := range found {
		numbers[n] = s.number(r, i)
	}
	return numbers
}

// writePartial writes PARTIAL, RFC 9394 section 3.1.
func (s *session) writePartial(r *request, q searchQuery, found []int) {
	s.out.Text(" PARTIAL (" + q.partial.String() + " ")
	if part := q.partial.of(found); len(part) > 0 {
		s.out.Text(imapwire.FormatSet(s.numbers(r, part)) + ")")
		if q.relevancy {
			s.writeRelevancy(q, part)
		}
		return
	}
	s.out.Text("NIL)")
}
