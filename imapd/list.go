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
	returnRights     bool           // RFC 8440
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
	case "MYRIGHTS":
		q.returnRights = true
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
		if len(full) > mailbox.MaxSharedPath {
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
	for _, l := range tree.all {
		below := q.recursive && tree.subscribedBelow[l.Path]
		if !q.asksFor(l, below) {
			continue
		}
		s.writeListed(q, l, tree.hasChildren[l.Path], below)
		if l.level {
			continue
		}
		if err := s.writeBeside(q, l.Box); err != nil {
			return err
		}
	}
	return nil
}

// writeBeside tells of a mailbox what was asked for beside LIST. What the rights
// do not let one see is left out.
func (s *session) writeBeside(q listQuery, box mailbox.Box) error {
	if q.returnRights {
		s.writeMyRights(box)
	}
	if q.returnStatus != nil && box.Rights.Has(mailbox.Read) {
		if err := s.writeStatus(box, q.returnStatus); err != nil {
			return err
		}
	}
	if q.returnMetadata == nil {
		return nil
	}
	entries, err := s.metadata(box)
	if err != nil && !box.Shared() {
		return err
	}
	s.writeMetadata(box.Path, *q.returnMetadata, entries)
	return nil
}

// asksFor reports whether the query is for a mailbox or level. Levels are told
// of where % ends a pattern, or what is subscribed to is below them.
func (q *listQuery) asksFor(l listed, below bool) bool {
	switch {
	case !q.matches(l.Path), q.onlySpecial && l.specialUse() == "", q.onlySubscribed && !l.Subscribed && !below:
		return false
	}
	return !l.level || below || slices.ContainsFunc(q.patterns, func(p string) bool { return strings.HasSuffix(p, "%") && matchPattern(p, l.Path) })
}

// writeListed tells of one mailbox.
func (s *session) writeListed(q listQuery, l listed, hasChildren, below bool) {
	attrs := attributes(l, hasChildren)
	if q.returnSubscribed && l.Subscribed {
		attrs = append(attrs, `\Subscribed`)
	}
	s.out.Text("* LIST (" + joinWords(attrs) + `) "/" `)
	s.out.Mailbox(l.Path)
	if below {
		s.out.Text(` ("CHILDINFO" ("SUBSCRIBED"))`)
	}
	s.out.Text("\r\n")
}

// listed is a mailbox, or a level above mailboxes that is none itself.
type listed struct {
	mailbox.Box
	level bool
}

// specialUse returns the attribute of RFC 6154. What a mailbox of another is
// for is its owner's: programs would put mail that was sent there.
func (l listed) specialUse() string {
	if l.level || l.Shared() {
		return ""
	}
	return specialUses[l.Role]
}

// boxTree is mailboxes with the levels above them, and what is below each.
type boxTree struct {
	all             []listed
	hasChildren     map[string]bool
	subscribedBelow map[string]bool
}

func newBoxTree(boxes []mailbox.Box) boxTree {
	t := boxTree{hasChildren: map[string]bool{}, subscribedBelow: map[string]bool{}}
	known := make(map[string]bool, len(boxes))
	for _, box := range boxes {
		known[box.Path] = true
	}
	for _, box := range boxes {
		for i, c := range box.Path {
			if c != gomail.MailboxSeparator {
				continue
			}
			above := box.Path[:i]
			if !known[above] {
				known[above] = true
				t.all = append(t.all, listed{Box: mailbox.Box{Mailbox: gomail.Mailbox{Path: above}}, level: true})
			}
			t.hasChildren[above] = true
			t.subscribedBelow[above] = t.subscribedBelow[above] || box.Subscribed
		}
		t.all = append(t.all, listed{Box: box})
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
	for _, box := range tree.all {
		above := strings.HasSuffix(pattern, "%") && tree.subscribedBelow[box.Path]
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
