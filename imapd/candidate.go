package imapd

import (
	"io"
	"sort"
	"strings"

	"gomail"
	"gomail/mailbox"
	"gomail/message"
)

// maxSearchText is how much of one part's text is searched.
const maxSearchText = 16 << 20

// candidate is a message that a search looks at. What it needs beyond the
// view is read once, when a condition asks for it.
type candidate struct {
	s       *session
	index   int // in the view
	entry   *mailbox.Entry
	row     *mailbox.Item
	parsed  *message.Index
	content gomail.Content
}

func (c *candidate) close() {
	if c.content != nil {
		c.content.Close()
	}
}

func (c *candidate) parsedIndex() (x *message.Index, err error) {
	if c.parsed == nil {
		c.parsed, err = message.UnmarshalIndex(c.row.Index)
	}
	return c.parsed, err
}

func (c *candidate) envelope() (*message.Envelope, error) {
	x, err := c.parsedIndex()
	if err != nil {
		return nil, err
	}
	return x.Envelope, nil
}

// open opens the message's content.
func (c *candidate) open() (err error) {
	if c.content == nil {
		c.content, err = c.s.user.Content(c.s.ctx, c.entry.Message)
	}
	return err
}

// header returns the message's header fields.
func (c *candidate) header() (message.Header, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	x, err := c.parsedIndex()
	if err != nil {
		return nil, err
	}
	raw := make([]byte, min(x.Root.Header.Length+c.row.Shift, message.MaxHeaderBytes))
	n, err := c.content.ReadAt(raw, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	header, err := message.ParseHeader(raw[:n])
	if err != nil {
		return nil, nil // over a limit: there is nothing to be found in it
	}
	return header, nil
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

// textContains looks into header and body.
func (c *candidate) textContains(needle string) (bool, error) {
	header, err := c.header()
	if err != nil {
		return false, err
	}
	for _, f := range header {
		if strings.Contains(fold(f.Name+": "+message.DecodeWords(f.Value())), needle) {
			return true, nil
		}
	}
	return c.bodyContains(needle)
}

// bodyContains looks into the text parts, those of forwarded messages with
// them.
func (c *candidate) bodyContains(needle string) (found bool, err error) {
	if needle == "" {
		return true, nil
	}
	if err := c.open(); err != nil {
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
	raw := io.NewSectionReader(c.content, part.Body.Offset+c.row.Shift, part.Body.Length)
	return streamContains(io.LimitReader(part.DecodeText(raw), maxSearchText), part.Body.Length, needle)
}

// sortByCost orders keys from cheap to dear and returns the cost of all.
func sortByCost(keys []searchKey) int {
	sort.SliceStable(keys, func(i, j int) bool { return keys[i].cost < keys[j].cost })
	if len(keys) == 0 {
		return costEntry
	}
	return keys[len(keys)-1].cost
}
