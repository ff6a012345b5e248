package imapd

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"gomail/mailbox"
	"gomail/message"
)

// format writes a URL as parseMessageURL reads it.
func (u messageURL) format() string {
	text := ""
	if u.path != "" {
		text = "/" + url.PathEscape(u.path)
		if u.uidValidity > 0 {
			text += fmt.Sprintf(";UIDVALIDITY=%d", u.uidValidity)
		}
		text += "/"
	}
	text += fmt.Sprintf(";UID=%d", u.uid)
	var section []string
	for _, n := range u.item.path {
		section = append(section, fmt.Sprint(n))
	}
	switch {
	case u.item.fields != nil && u.item.not:
		section = append(section, "HEADER.FIELDS.NOT ("+strings.Join(u.item.fields, " ")+")")
	case u.item.fields != nil:
		section = append(section, "HEADER.FIELDS ("+strings.Join(u.item.fields, " ")+")")
	case u.item.what != message.Whole:
		section = append(section, []string{"", "HEADER", "TEXT", "MIME"}[u.item.what])
	}
	if section != nil {
		text += "/;SECTION=" + url.PathEscape(strings.Join(section, "."))
	}
	if u.item.partial {
		text += fmt.Sprintf("/;PARTIAL=%d.%d", u.item.offset, u.item.length)
	}
	return text
}

// FuzzMessageURL: what is taken for a URL is within the limits, and written
// again it means the same.
func FuzzMessageURL(f *testing.F) {
	for _, seed := range []string{
		"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME", "/INBOX/;UID=30", ";UID=4294967295/;SECTION=1.2.3.HEADER.FIELDS.NOT%20(a%20b)/;PARTIAL=7.9",
		"/a%2Fb%C3%A4/c;UIDVALIDITY=1/;uid=1/;Partial=0", "imap://x/y/;UID=1", "/;UID=0", "/%/;UID=1", "//;UID=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, ok := parseMessageURL(text)
		if !ok {
			return
		}
		if u.uid == 0 || len(u.path) > mailbox.MaxPath || len(u.item.path) > message.MaxDepth || u.item.partial && (u.item.offset < 0 || u.item.length <= 0) {
			t.Fatalf("%q is %+v", text, u)
		}
		if again, ok := parseMessageURL(u.format()); !ok || !reflect.DeepEqual(u, again) {
			t.Fatalf("%q is %+v, and %q is %+v, %v", text, u, u.format(), again, ok)
		}
	})
}
