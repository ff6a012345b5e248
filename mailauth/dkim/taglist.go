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

// tagList is a parsed list of tags, RFC 6376 section 3.2, in their order.
type tagList []tag

// parseTags reads a tag list. White space around names and values is taken
// off; within values it is kept. A name that occurs twice makes the whole
// list invalid, as the RFC demands.
func parseTags(s string) (tagList, error) {
	if len(s) > maxTagList {
		return nil, gomail.Errorf(gomail.Invalid, "the tag list is longer than %d octets", maxTagList)
	}
	var tags tagList
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
		if tags.has(name) {
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

func (t tagList) has(name string) bool {
	_, ok := t.lookup(name)
	return ok
}

func (t tagList) get(name string) string {
	value, _ := t.lookup(name)
	return value
}

func (t tagList) lookup(name string) (value string, ok bool) {
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
