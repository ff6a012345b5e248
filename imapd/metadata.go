package imapd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// metadataQuery is what GETMETADATA asks for.
type metadataQuery struct {
	entries []string // in lower case
	maxSize int64    // of values; negative: any
	depth   int      // 0: the entry itself, 1: those just below it too, 2: all below it
}

// maxMetadataEntries is how many entries a command may name.
const maxMetadataEntries = 500

// getMetadata answers GETMETADATA, RFC 5464 section 4.2; the mailbox "" is the
// account as a whole.
func (s *session) getMetadata(r *request) error {
	q := metadataQuery{maxSize: -1}
	s.dec.Space()
	if s.dec.Peek() == '(' {
		s.dec.List(func() { s.readMetadataOption(&q) })
		s.dec.Space()
	}
	name, bad := s.readMailbox()
	s.dec.Space()
	s.readEntries(&q)
	if err := s.dec.End(); err != nil {
		return err
	}
	kept, err := s.metadataOf(name, bad)
	if err != nil {
		return err
	}
	all, err := s.metadata(kept)
	if err != nil {
		return err
	}
	if longest := s.writeMetadata(name, q, all); longest > 0 {
		r.code = fmt.Sprintf("METADATA LONGENTRIES %d", longest)
	}
	return nil
}

func (s *session) readMetadataOption(q *metadataQuery) {
	switch s.dec.Word() {
	case "MAXSIZE":
		s.dec.Space()
		q.maxSize = s.dec.Number64()
	case "DEPTH":
		s.dec.Space()
		switch s.dec.Word() {
		case "0":
			q.depth = 0
		case "1":
			q.depth = 1
		case "INFINITY":
			q.depth = 2
		default:
			s.dec.Fail("DEPTH is 0, 1 or infinity")
		}
	default:
		s.dec.Fail("Unknown option of GETMETADATA")
	}
}

// readEntries reads the names of entries, one or a list. Options may stand
// before them too: the examples of RFC 5464 have them there, its grammar does
// not.
func (s *session) readEntries(q *metadataQuery) {
	for len(q.entries) == 0 && s.dec.Err() == nil {
		if s.dec.Peek() != '(' {
			s.readEntryName(&q.entries)
			return
		}
		options := false
		s.dec.List(func() {
			if c := s.dec.Peek(); c == '/' || c == '"' || c == '{' {
				s.readEntryName(&q.entries)
				return
			}
			options = true
			s.readMetadataOption(q)
		})
		switch {
		case options && len(q.entries) == 0:
			s.dec.Space()
		case len(q.entries) == 0:
			s.dec.Fail("Expected entries")
		}
	}
}

func (s *session) readEntryName(names *[]string) {
	*names = append(*names, strings.ToLower(s.dec.Astring()))
	if len(*names) > maxMetadataEntries {
		s.dec.Fail("Too many entries")
	}
}

// annotated is what has metadata: a mailbox, or an account.
type annotated interface {
	Metadata(ctx context.Context) ([]mailbox.Metadata, error)
	SetMetadata(ctx context.Context, changes []mailbox.Metadata) error
}

// metadataOf returns whose metadata a mailbox name means.
func (s *session) metadataOf(name string, bad error) (annotated, error) {
	if bad != nil || name == "" {
		return s.user, bad
	}
	return s.user.Lookup(s.ctx, name)
}

// specialUseEntry is the entry that tells a mailbox's special use, RFC 6154
// section 4. It is not stored.
const specialUseEntry = "/private/specialuse"

// metadata returns the entries of a mailbox, or of the account, in the order of
// their names.
func (s *session) metadata(of annotated) ([]mailbox.Metadata, error) {
	all, err := of.Metadata(s.ctx)
	for i := range all {
		if all[i].Value == nil { // what is stored is there, if only an empty string
			all[i].Value = []byte{}
		}
	}
	box, is := of.(mailbox.Box)
	if !is || err != nil {
		return all, err
	}
	if use := (listed{Box: box}).specialUse(); use != "" {
		all = append(all, mailbox.Metadata{Entry: specialUseEntry, Value: []byte(use)})
		slices.SortFunc(all, func(a, b mailbox.Metadata) int { return strings.Compare(a.Entry, b.Entry) })
	}
	return all, err
}

// writeMetadata writes the entries that are asked for, and returns the size of
// the largest that is longer than asked; 0: there is none. Entries asked for by
// their very names that have no value are NIL.
func (s *session) writeMetadata(name string, q metadataQuery, all []mailbox.Metadata) (longest int) {
	found := false
	for _, m := range append(all, q.missing(all)...) {
		if !q.wants(m.Entry) {
			continue
		}
		if q.maxSize >= 0 && int64(len(m.Value)) > q.maxSize {
			longest = max(longest, len(m.Value))
			continue
		}
		if found {
			s.out.Text(" ")
		} else {
			s.out.Text("* METADATA ")
			s.writeMetadataName(name)
			s.out.Text(" (")
		}
		found = true
		s.out.Astring(m.Entry)
		s.out.Text(" ")
		s.writeMetadataValue(m.Value)
	}
	if found {
		s.out.Text(")\r\n")
	}
	return longest
}

func (s *session) writeMetadataName(name string) {
	if name == "" {
		s.out.Text(`""`)
		return
	}
	s.out.Mailbox(name)
}

// writeMetadataValue writes a value as a string; one that no string can hold as
// a literal8, RFC 5464 section 5.
func (s *session) writeMetadataValue(value []byte) {
	if value == nil {
		s.out.Text("NIL")
		return
	}
	if strings.IndexByte(string(value), 0) < 0 {
		s.out.String(string(value))
		return
	}
	s.out.LiteralHeader(int64(len(value)), true)
	s.out.Raw(value)
}

// missing returns the entries named that are not there. With a depth, an entry
// that is only the beginning of others' names is not one that is missing.
func (q metadataQuery) missing(all []mailbox.Metadata) (none []mailbox.Metadata) {
	if q.depth > 0 {
		return nil
	}
	for _, name := range q.entries {
		if !slices.ContainsFunc(all, func(m mailbox.Metadata) bool { return m.Entry == name }) {
			none = append(none, mailbox.Metadata{Entry: name})
		}
	}
	return none
}

// wants goes by the names and the depth.
func (q metadataQuery) wants(entry string) bool {
	for _, name := range q.entries {
		below, is := strings.CutPrefix(entry, name)
		switch {
		case !is:
		case below == "", below[0] == '/' && q.depth == 2, below[0] == '/' && q.depth == 1 && !strings.Contains(below[1:], "/"):
			return true
		}
	}
	return false
}

// setMetadata answers SETMETADATA, RFC 5464 section 4.3: all of the entries are
// changed, or none.
func (s *session) setMetadata(*request) error {
	s.dec.Space()
	name, bad := s.readMailbox()
	s.dec.Space()
	var changes []mailbox.Metadata
	s.dec.List(func() {
		m := mailbox.Metadata{Entry: strings.ToLower(s.dec.Astring())}
		s.dec.Space()
		if value, is := s.dec.NOctets(); is {
			m.Value = []byte(value)
		}
		changes = append(changes, m)
		if len(changes) > maxMetadataEntries {
			s.dec.Fail("Too many entries")
		}
	})
	if len(changes) == 0 {
		s.dec.Fail("Expected entries")
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	kept, err := s.metadataOf(name, bad)
	if err == nil && slices.ContainsFunc(changes, func(m mailbox.Metadata) bool { return m.Entry == specialUseEntry }) {
		err = coded("USEATTR", gomail.Errorf(gomail.Forbidden, "A mailbox is given its special use when it is created"))
	}
	if err == nil {
		err = kept.SetMetadata(s.ctx, changes)
	}
	if err == nil {
		s.changedMetadata(kept, changes)
	}
	switch gomail.KindOf(err) {
	case gomail.TooLarge:
		return coded(fmt.Sprintf("METADATA MAXSIZE %d", mailbox.MaxMetadataValue), err)
	case gomail.TooMany:
		return coded("METADATA TOOMANY", err)
	case gomail.Invalid:
		return &imapwire.SyntaxError{Text: sentence(err)}
	}
	return err
}
