package imapd

import (
	"slices"
	"strings"

	"gomail"
	"gomail/mailbox"
)

// listQuery is what a LIST asks for, RFC 9051 section 6.3.9.
type listQuery struct {
	patterns []string // with the reference before them

	onlySubscribed bool
	onlySpecial    bool
	recursive      bool // RECURSIVEMATCH

	returnSubscribed bool
	returnStatus     []string
	returnMetadata   *metadataQuery // RFC 9590
	extended         bool
}

// list answers LIST.
func (s *session) list(*request) error {
	s.dec.Space()
	var q listQuery
	if s.dec.Peek() == '(' {
		q.extended = true
		s.dec.List(func() { s.readListSelection(&q) })
		s.dec.Space()
	}
	reference, bad := s.readMailbox()
	s.dec.Space()
	patterns := s.readListPatterns(&q)
	if s.dec.TrySpace() {
		if !s.dec.TryWord("RETURN") {
			s.dec.Fail("Expected RETURN")
		}
		s.dec.Space()
		s.dec.List(func() { s.readListReturn(&q) })
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	if q.recursive && !q.onlySubscribed {
		return syntaxError("RECURSIVEMATCH needs SUBSCRIBED beside it")
	}
	if bad != nil {
		return bad
	}
	if !q.extended && len(patterns) == 1 && patterns[0] == "" {
		s.out.Text("* LIST (\\Noselect) \"/\" \"\"\r\n")
		return nil
	}
	if err := s.addPatterns(&q, reference, patterns); err != nil {
		return err
	}
	return s.writeList(q)
}

func (s *session) readListSelection(q *listQuery) {
	switch s.dec.Word() {
	case "SUBSCRIBED":
		q.onlySubscribed, q.returnSubscribed = true, true
	case "SPECIAL-USE":
		q.onlySpecial = true
	case "RECURSIVEMATCH":
		q.recursive = true
	case "REMOTE":
	default:
		s.dec.Fail("Unknown selection option of LIST")
	}
}

func (s *session) readListReturn(q *listQuery) {
	q.extended = true
	switch s.dec.Word() {
	case "SUBSCRIBED":
		q.returnSubscribed = true
	case "CHILDREN", "SPECIAL-USE": // always told
	case "STATUS":
		s.dec.Space()
		q.returnStatus = s.readStatusItems()
	case "METADATA":
		s.dec.Space()
		q.returnMetadata = &metadataQuery{maxSize: -1}
		s.readEntries(q.returnMetadata)
	default:
		s.dec.Fail("Unknown return option of LIST")
	}
}

// maxPatterns is how many patterns one LIST may have.
const maxPatterns = 100

// readListPatterns reads one pattern, or several in parentheses.
func (s *session) readListPatterns(q *listQuery) []string {
	if s.dec.Peek() != '(' {
		return []string{s.dec.ListPattern()}
	}
	q.extended = true
	var patterns []string
	s.dec.List(func() {
		patterns = append(patterns, s.dec.ListPattern())
		if len(patterns) > maxPatterns {
			s.dec.Fail("Too many patterns")
		}
	})
	return patterns
}

// addPatterns puts the reference before each pattern, in UTF-8.
func (s *session) addPatterns(q *listQuery, reference string, patterns []string) error {
	for _, p := range patterns {
		decoded, err := s.decodeMailbox(p)
		if err != nil {
			return err
		}
		full := mailbox.CanonicalPath(reference + decoded)
		if len(full) > mailbox.MaxPath {
			return gomail.Errorf(gomail.Invalid, "The pattern is too long")
		}
		q.patterns = append(q.patterns, full)
	}
	return nil
}

// matches reports whether a path matches one of the patterns.
func (q *listQuery) matches(path string) bool {
	return slices.ContainsFunc(q.patterns, func(p string) bool { return matchPattern(p, path) })
}

// writeList tells of all mailboxes that match.
func (s *session) writeList(q listQuery) error {
	boxes, err := s.user.List(s.ctx)
	if err != nil {
		return err
	}
	tree := newBoxTree(boxes)
	for _, box := range boxes {
		if !q.matches(box.Path) || q.onlySpecial && specialUses[box.Role] == "" {
			continue
		}
		below := q.recursive && tree.subscribedBelow[box.ID]
		if q.onlySubscribed && !box.Subscribed && !below {
			continue
		}
		s.writeListed(q, box, tree.hasChildren[box.ID], below)
		if q.returnStatus != nil {
			if err := s.writeStatus(box, q.returnStatus); err != nil {
				return err
			}
		}
		if q.returnMetadata != nil {
			entries, err := s.metadata(box)
			if err != nil {
				return err
			}
			s.writeMetadata(box.Path, *q.returnMetadata, entries)
		}
	}
	return nil
}

// writeListed tells of one mailbox.
func (s *session) writeListed(q listQuery, box gomail.Mailbox, hasChildren, below bool) {
	attrs := attributes(box, hasChildren)
	if q.returnSubscribed && box.Subscribed {
		attrs = append(attrs, `\Subscribed`)
	}
	s.out.Text("* LIST (" + joinWords(attrs) + `) "/" `)
	s.out.Mailbox(box.Path)
	if below {
		s.out.Text(` ("CHILDINFO" ("SUBSCRIBED"))`)
	}
	s.out.Text("\r\n")
}

// boxTree tells what is below the mailboxes.
type boxTree struct {
	hasChildren     map[gomail.MailboxID]bool
	subscribedBelow map[gomail.MailboxID]bool
}

func newBoxTree(boxes []gomail.Mailbox) boxTree {
	t := boxTree{map[gomail.MailboxID]bool{}, map[gomail.MailboxID]bool{}}
	parents := map[gomail.MailboxID]gomail.MailboxID{}
	for _, box := range boxes {
		parents[box.ID] = box.Parent
		t.hasChildren[box.Parent] = true
	}
	for _, box := range boxes {
		for id := box.Parent; box.Subscribed && id != 0 && !t.subscribedBelow[id]; id = parents[id] {
			t.subscribedBelow[id] = true
		}
	}
	return t
}

// lsub answers LSUB, RFC 3501 section 6.3.9. A level above subscribed
// mailboxes that itself is not subscribed is told with \Noselect when the
// pattern ends with %.
func (s *session) lsub(*request) error {
	s.dec.Space()
	reference, bad := s.readMailbox()
	s.dec.Space()
	pattern := s.dec.ListPattern()
	if err := s.dec.End(); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	q := listQuery{}
	if err := s.addPatterns(&q, reference, []string{pattern}); err != nil {
		return err
	}
	boxes, err := s.user.List(s.ctx)
	if err != nil {
		return err
	}
	tree := newBoxTree(boxes)
	for _, box := range boxes {
		above := strings.HasSuffix(pattern, "%") && tree.subscribedBelow[box.ID]
		if !q.matches(box.Path) || !box.Subscribed && !above {
			continue
		}
		attr := ""
		if !box.Subscribed {
			attr = `\Noselect`
		}
		s.out.Text("* LSUB (" + attr + `) "/" `)
		s.out.Mailbox(box.Path)
		s.out.Text("\r\n")
	}
	return nil
}
