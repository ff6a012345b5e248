package dkim

import (
	"strings"

	"gomail"
)

// Limits on tag lists: signatures and key records are strangers' bytes.
const (
	maxTagList = 16 << 10
	maxTags    = 64
)

// tag is one name=value of a tag list.
type tag struct{ name, value string }

// Tags is a parsed list of tags, RFC 6376 section 3.2, in their order.
type Tags []tag

// ParseTags reads a tag list of at most 16 KiB and 64 tags. White space around names and values is taken
// off; within values it is kept. A name that occurs twice makes the whole
// list invalid, as the RFC demands.
func ParseTags(s string) (Tags, error) {
	if len(s) > maxTagList {
		return nil, gomail.Errorf(gomail.Invalid, "the tag list is longer than %d octets", maxTagList)
	}
	var tags Tags
	for part := range strings.SplitSeq(s, ";") {
		part = strings.Trim(part, fws)
		if part == "" {
			continue // after the last semicolon; tolerated elsewhere
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimRight(name, fws)
		if !ok || !validTagName(name) {
			return nil, gomail.Errorf(gomail.Invalid, "the tag list holds something that is no tag")
		}
		if tags.Has(name) {
			return nil, gomail.Errorf(gomail.Invalid, "the tag %s= occurs twice", name)
		}
		if len(tags) == maxTags {
			return nil, gomail.Errorf(gomail.Invalid, "the tag list has more than %d tags", maxTags)
		}
		tags = append(tags, tag{name, strings.TrimLeft(value, fws)})
	}
	return tags, nil
}

// fws are the characters of folding white space.
const fws = " \t\r\n"

func validTagName(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

// Has reports whether there is such a tag.
func (t Tags) Has(name string) bool {
	_, ok := t.Lookup(name)
	return ok
}

// Get returns a tag's value, empty when there is no such tag.
func (t Tags) Get(name string) string {
	value, _ := t.Lookup(name)
	return value
}

// Lookup returns a tag's value and whether there is such a tag.
func (t Tags) Lookup(name string) (value string, ok bool) {
	for _, tag := range t {
		if tag.name == name {
			return tag.value, true
		}
	}
	return "", false
}

// withoutSpace takes all folding white space out of a value, as in b= and p=.
func withoutSpace(s string) string {
	if !strings.ContainsAny(s, fws) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(fws, r) {
			return -1
		}
		return r
	}, s)
}

// splitList splits a colon-separated value and trims its items.
func splitList(s string) []string {
	items := strings.Split(s, ":")
	for i := range items {
		items[i] = strings.Trim(items[i], fws)
	}
	return items
}
