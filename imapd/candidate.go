package imapd

import (
	"errors"
	"sort"
	"strings"

	"gomail"
	"gomail/mailbox"
	"gomail/message"
)

// errNeedsContent is how a condition says that it cannot be answered from the
// message's row.
var errNeedsContent = errors.New("this needs the content")

// candidate is a message that a search looks at.
type candidate struct {
	s      *session
	index  int // in the view
	entry  *mailbox.Entry
	row    *loaded
	parsed *message.Index // whole
	head   *message.Index // without the parts
}

func (c *candidate) parsedIndex() (x *message.Index, err error) {
	if c.parsed == nil {
		c.parsed, err = message.UnmarshalIndex(c.row.Index)
	}
	return c.parsed, err
}

func (c *candidate) envelope() (*message.Envelope, error) {
	if c.head == nil {
		var err error
		if c.head, err = message.UnmarshalHead(c.row.Index); err != nil {
			return nil, err
		}
	}
	return c.head.Envelope, nil
}

// content returns the message's content, errNeedsContent when it was not asked for.
func (c *candidate) content() (gomail.Content, error) {
	if c.row.content == nil && c.row.err == nil {
		return nil, errNeedsContent
	}
	return c.row.content, c.row.err
}

// header returns the message's header fields.
func (c *candidate) header() (message.Header, error) {
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	x, err := message.UnmarshalRanges(c.row.Index)
	if err != nil {
		return nil, err
	}
	return x.ReadHeader(content, c.row.Shift)
}

// headerContains reports whether a field of that name has the text; every
// field of that name does when the text is empty.
func (c *candidate) headerContains(field, needle string) (bool, error) {
	header, err := c.header()
	for _, f := range header {
		if f.Is(field) && strings.Contains(fold(message.DecodeWords(f.Value())), needle) {
			return true, nil
		}
	}
	return false, err
}

// subjectContains looks into the envelope's subject.
func (c *candidate) subjectContains(needle *subjectText) (bool, error) {
	subject, _, ok := message.SubjectOf(c.row.Index)
	if !ok {
		_, err := c.envelope() // says what is wrong
		return false, err
	}
	return needle.in(subject), nil
}

// headerSubjectContains is headerContains for the field Subject: the envelope's
// subject is looked into where it is what reading the header as far as header
// does would find, and all of it.
func (c *candidate) headerSubjectContains(needle *subjectText) (bool, error) {
	subject, once, ok := message.SubjectOf(c.row.Index)
	if ok && once && message.HeaderLengthOf(c.row.Index)+c.row.Shift <= message.MaxHeaderBytes {
		return needle.in(subject), nil
	}
	return c.headerContains("Subject", needle.folded)
}

// textContains looks into header and body.
func (c *candidate) textContains(needle string) (bool, error) {
	content, err := c.content()
	if err != nil {
		return false, err
	}
	x, err := message.UnmarshalRanges(c.row.Index)
	if err != nil {
		return false, err
	}
	if found, err := headerContains(x, content, c.row.Shift, needle); found || err != nil {
		return found, err
	}
	return c.bodyContains(needle)
}

// bodyContains looks into the text parts, those of forwarded messages with
// them.
func (c *candidate) bodyContains(needle string) (found bool, err error) {
	if needle == "" {
		return true, nil
	}
	if _, err := c.content(); err != nil {
		return false, err
	}
	x, err := c.parsedIndex()
	if err != nil {
		return false, err
	}
	x.Root.Walk(func(_ []int, part *message.Part) bool {
		if !found && err == nil && part.Type == "text" {
			found, err = c.partContains(part, needle)
		}
		return !found && err == nil
	})
	return found, err
}

func (c *candidate) partContains(part *message.Part, needle string) (bool, error) {
	return streamContains(part.SearchText(c.row.content, c.row.Shift), needle)
}

// sortByCost orders keys from cheap to dear and returns the cost of all.
func sortByCost(keys []searchKey) int {
	sort.SliceStable(keys, func(i, j int) bool { return keys[i].cost < keys[j].cost })
	if len(keys) == 0 {
		return costEntry
	}
	return keys[len(keys)-1].cost
}
