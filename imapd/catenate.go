package imapd

import (
	"bytes"
	"io"
	"strings"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
	"gomail/message"
)

// maxCatenated is how many parts a message may be put together from.
const maxCatenated = 1000

// catenation is a message that is put together from texts and from parts of
// other messages, RFC 4469.
type catenation struct {
	s      *session
	fits   room
	stager *stager
	err    *error // the first refusal; from then on everything is passed over
	total  *int64 // octets of the command's messages
	size   int64  // octets of this one
	parts  int
	other  *view // the mailbox that a URL named last, when it is not open
}

// readCatenated reads CATENATE (parts).
func (s *session) readCatenated(fits room, st *stager, err *error, total *int64) {
	c := catenation{s: s, fits: fits, stager: st, err: err, total: total}
	s.dec.Space()
	s.dec.List(c.readPart)
	if c.parts == 0 {
		s.dec.Fail("Expected TEXT or URL")
	}
	if *err == nil && c.size == 0 && s.dec.Err() == nil {
		*err = gomail.Errorf(gomail.Invalid, "The message is empty")
	}
}

// readPart reads TEXT with a literal, or URL.
func (c *catenation) readPart() {
	dec := &c.s.dec
	if c.parts++; c.parts > maxCatenated {
		dec.Fail("Too many parts")
	}
	switch dec.Word() {
	case "TEXT":
		dec.Space()
		c.addText(dec.Literal())
	case "URL":
		dec.Space()
		text := dec.Astring()
		if *c.err == nil && dec.Err() == nil {
			*c.err = c.addURL(text)
		}
	default:
		dec.Fail("Expected TEXT or URL")
	}
}

func (c *catenation) addText(lit imapwire.Literal) {
	dec := &c.s.dec
	if dec.Err() != nil {
		return
	}
	if *c.err == nil {
		*c.err = c.grow(lit.Size)
	}
	if *c.err != nil {
		dec.Refuse(lit, *c.err)
		return
	}
	*c.err = c.stager.literal(lit)
}

// grow counts octets to come, and refuses what is too much.
func (c *catenation) grow(n int64) error {
	c.size += n
	*c.total += n
	return c.s.acceptable(c.fits, c.size, *c.total)
}

// addURL copies what a URL names, as FETCH would give it.
func (c *catenation) addURL(text string) error {
	u, ok := parseMessageURL(text)
	if !ok {
		return badURL(text, "It is no URL of a message here, as in /INBOX/;UID=1/;SECTION=1")
	}
	v, err := c.view(u)
	if err == nil && v == nil {
		return badURL(text, "There is no such mailbox")
	}
	if err != nil {
		return err
	}
	i, found := v.find(u.uid)
	if !found {
		return badURL(text, "There is no such message")
	}
	reached := false
	err = v.box.Items(c.s.ctx, []gomail.MessageID{v.entries[i].Message}, mailbox.WithContent, func(item mailbox.Item) error {
		reached = true
		if found, err = c.addSection(u.item, item); !found && err == nil {
			err = badURL(text, "The message has no such section")
		}
		return err
	})
	if !reached && err == nil {
		err = badURL(text, "There is no such message")
	}
	return err
}

// badURL names the URL that is why a message cannot be put together.
func badURL(text, why string) error {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == ']' {
			return '?'
		}
		return r
	}, text[:min(len(text), 1000)])
	return coded(`BADURL "`+clean+`"`, gomail.Errorf(gomail.Invalid, "%s", why))
}

// view returns the mailbox of a URL as the client knows it, or as it is now when
// it is not open; nil when there is none.
func (c *catenation) view(u messageURL) (*view, error) {
	v := c.s.view
	if u.path != "" && (v == nil || v.box.Path != u.path) {
		v = c.other
	}
	if v == nil && u.path == "" {
		return nil, nil
	}
	if v == nil || u.path != "" && v.box.Path != u.path {
		box, err := c.s.user.Lookup(c.s.ctx, u.path)
		var snap mailbox.Snapshot
		if err == nil {
			snap, err = box.Snapshot(c.s.ctx)
		}
		if kind := gomail.KindOf(err); kind == gomail.NotFound || kind == gomail.Forbidden {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		v = newView(box, snap, true)
		c.other = v
	}
	if u.uidValidity != 0 && v.box.UIDValidity != u.uidValidity {
		return nil, nil
	}
	return v, nil
}

// addSection copies a section of a message; false when there is none.
func (c *catenation) addSection(section fetchItem, item mailbox.Item) (bool, error) {
	index, err := message.UnmarshalIndex(item.Index)
	if err != nil {
		return false, err
	}
	found, ok := index.Find(section.path, section.what, item.Shift)
	if !ok {
		return false, nil
	}
	content, err := item.Open(c.s.ctx)
	if err != nil {
		return false, err
	}
	defer content.Close()
	if section.fields == nil {
		found = section.cut(found)
		return true, c.copy(io.NewSectionReader(content, found.Offset, found.Length), found.Length)
	}
	kept := headerFields(content, found, &section)
	return true, c.copy(bytes.NewReader(kept), int64(len(kept)))
}

func (c *catenation) copy(r io.Reader, n int64) error {
	if err := c.grow(n); err != nil {
		return err
	}
	_, err := io.Copy(&c.stager.lines, r)
	return err
}
