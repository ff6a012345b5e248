package imapd

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/message"
)

// sort answers SORT and UID SORT, RFC 5256 section 3, with the result options
// of RFC 5267 and RFC 9394.
func (s *session) sort(r *request) error {
	s.badCharset = false
	s.beginWork()
	p := searchParser{s: s, now: s.cfg.Clock()}
	s.dec.Space()
	if s.dec.TryWord("RETURN") {
		p.readReturn()
		s.dec.Space()
	}
	criteria := s.readSortCriteria()
	s.readOrderedSearch(&p)
	for i := range criteria {
		if criteria[i].scores = p.q.scores; criteria[i].key == "RELEVANCY" && p.q.scores == nil {
			s.dec.Fail("RELEVANCY needs a FUZZY condition")
		}
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	if s.badCharset {
		return errBadCharset()
	}
	q := p.q
	if q.update {
		if err := s.checkContext(); err != nil {
			return err
		}
	}
	found, err := s.find(q)
	if err == nil {
		found, err = s.sorted(found, criteria)
	}
	if err != nil {
		if q.save {
			s.view.saved = nil
		}
		return err
	}
	if q.save {
		kept := s.view.uids(q.saved(found))
		slices.Sort(kept)
		s.view.saved = kept
	}
	if q.extended {
		s.writeExtendedResult(r, q, found)
		if q.update {
			s.addContext(r, q, found, criteria)
		}
		return nil
	}
	s.out.Text("* SORT")
	for _, i := range found {
		s.out.Text(" ")
		s.out.Int(int64(s.number(r, i)))
	}
	s.writeHighest(q, found)
	s.out.Text("\r\n")
	return nil
}

func errBadCharset() error {
	return coded("BADCHARSET (UTF-8)", gomail.Errorf(gomail.Invalid, "The charset is not known; use UTF-8"))
}

// readOrderedSearch reads the charset, which SORT and THREAD must name, and the
// conditions.
func (s *session) readOrderedSearch(p *searchParser) {
	s.dec.Space()
	p.charset(s.dec.Astring())
	s.dec.Space()
	p.readKeys()
}

// sortCriterion is one of those that messages are sorted by.
type sortCriterion struct {
	key     string // "DATE"
	reverse bool
	scores  *scores // of RELEVANCY
}

// maxCriteria is how many there may be: more than there are kinds of them.
const maxCriteria = 30

func (s *session) readSortCriteria() (criteria []sortCriterion) {
	reverse := false
	s.dec.List(func() {
		switch word := s.dec.Word(); word {
		case "REVERSE":
			if reverse {
				s.dec.Fail("REVERSE stands there twice")
			}
			reverse = true
			return
		case "ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO", "RELEVANCY":
			criteria = append(criteria, sortCriterion{key: word, reverse: reverse})
			reverse = false
		default:
			s.dec.Fail("Unknown SORT criterion")
		}
		if len(criteria) > maxCriteria {
			s.dec.Fail("Too many SORT criteria")
		}
	})
	if len(criteria) == 0 || reverse {
		s.dec.Fail("Expected SORT criteria")
	}
	return criteria
}

// sortable is what a message is sorted by: a time, a size or a text for each
// criterion.
type sortable struct {
	index   int
	numbers []int64
	texts   []string
}

// sorted returns the messages, ascending, in the order of the criteria; those
// that are alike in the order of the mailbox. Messages that are gone are left
// out.
func (s *session) sorted(found []int, criteria []sortCriterion) ([]int, error) {
	all, err := s.sortables(found, criteria)
	if err != nil {
		return nil, err
	}
	places := make([]sortPlace, len(all))
	for n := range all {
		places[n] = sortPlace{all[n].head(criteria[0]), n}
	}
	slices.SortFunc(places, func(a, b sortPlace) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if order := compareSortables(&all[a.n], &all[b.n], criteria); order != 0 {
			return order
		}
		return a.n - b.n
	})
	order := make([]int, len(all))
	for n, p := range places {
		order[n] = all[p.n].index
	}
	return order, nil
}

// sortPlace is the n-th sortable while they are put in order.
type sortPlace struct {
	head uint64
	n    int
}

// head is a number by which messages are in order as far as the beginning of
// the first criterion tells them apart.
func (x *sortable) head(first sortCriterion) (head uint64) {
	switch first.key {
	case "ARRIVAL", "DATE", "SIZE", "RELEVANCY":
		head = uint64(x.numbers[0]) ^ 1<<63 // negative ones first
	default:
		var begin [8]byte
		copy(begin[:], x.texts[0])
		head = binary.BigEndian.Uint64(begin[:])
	}
	if first.reverse {
		return ^head
	}
	return head
}

// sortables reads what messages are sorted by.
func (s *session) sortables(found []int, criteria []sortCriterion) ([]sortable, error) {
	all := make([]sortable, 0, len(found))
	if !needRows(criteria) {
		for _, i := range found {
			x, _ := newSortable(i, &s.view.entries[i], nil, criteria)
			all = append(all, x)
		}
		return all, nil
	}
	err := s.eachItem(found, mailbox.WithIndex, s.counted(len(found), func(i int, row *loaded) error {
		x, err := newSortable(i, &s.view.entries[i], row, criteria)
		all = append(all, x)
		return err
	}))
	return all, err
}

// needRows reports whether the criteria need more than the view has.
func needRows(criteria []sortCriterion) bool {
	return slices.ContainsFunc(criteria, func(c sortCriterion) bool { return c.key != "ARRIVAL" && c.key != "SIZE" && c.key != "RELEVANCY" })
}

func newSortable(i int, entry *mailbox.Entry, row *loaded, criteria []sortCriterion) (sortable, error) {
	x := sortable{index: i, numbers: make([]int64, len(criteria)), texts: make([]string, len(criteria))}
	var parsed *message.Index
	for n, c := range criteria {
		switch c.key {
		case "ARRIVAL":
			x.numbers[n] = entry.InternalDate().Unix()
			continue
		case "SIZE":
			x.numbers[n] = entry.Size
			continue
		case "RELEVANCY": // the best come first, RFC 6203 section 5
			x.numbers[n] = -int64(c.scores.relevancy(entry.UID))
			continue
		}
		if date, ok := message.DateOf(row.Index); ok && c.key == "DATE" {
			x.numbers[n] = sentDate(date, row).Unix()
			continue
		}
		if subject, _, ok := message.SubjectOf(row.Index); ok && c.key == "SUBJECT" {
			x.texts[n] = sortSubject(string(subject))
			continue
		}
		if parsed == nil {
			var err error
			if parsed, err = message.UnmarshalHead(row.Index); err != nil {
				return x, err
			}
		}
		x.texts[n] = sortText(parsed.Envelope, c.key)
	}
	return x, nil
}

// sentDate is the Date field's, or where it cannot be read that of arrival, RFC
// 5256 section 2.2.
func sentDate(date time.Time, row *loaded) time.Time {
	if date.IsZero() {
		return row.Received
	}
	return date
}

// sortText is the text of a criterion, in a form that is compared octet by
// octet: without case, RFC 5256 section 3.
func sortText(e *message.Envelope, key string) string {
	switch key {
	case "SUBJECT":
		return sortSubject(e.Subject)
	case "FROM":
		return firstMailbox(e.From)
	case "TO":
		return firstMailbox(e.To)
	case "CC":
		return firstMailbox(e.Cc)
	case "DISPLAYFROM":
		return firstDisplay(e.From)
	}
	return firstDisplay(e.To)
}

func sortSubject(subject string) string {
	base, _ := message.BaseSubject(subject)
	return fold(base)
}

// firstMailbox is the local part of the first address.
func firstMailbox(list []message.HeaderAddress) string {
	if len(list) == 0 {
		return ""
	}
	return fold(list[0].Local)
}

// firstDisplay is how the first address is shown, RFC 5957 section 3.
func firstDisplay(list []message.HeaderAddress) string {
	if len(list) == 0 {
		return ""
	}
	if name := strings.TrimSpace(message.DecodeWords(list[0].Name)); name != "" {
		return fold(name)
	}
	return fold(list[0].Local + "@" + list[0].Domain)
}

func compareSortables(a, b *sortable, criteria []sortCriterion) int {
	for n, c := range criteria {
		order := cmp.Compare(a.numbers[n], b.numbers[n])
		if order == 0 {
			order = strings.Compare(a.texts[n], b.texts[n])
		}
		if c.reverse {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}
