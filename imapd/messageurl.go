package imapd

import (
	"net/url"
	"strconv"
	"strings"

	"gomail"
	"gomail/mailbox"
	"gomail/message"
)

// messageURL is a relative IMAP URL of a message or of a part of one, RFC 5092
// section 7: "/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.MIME".
type messageURL struct {
	path        string // of the mailbox; empty: the one that is open
	uidValidity uint32 // 0: any
	uid         gomail.UID
	item        fetchItem // its section
}

// parseMessageURL reads a URL; false when it is none of those, as are absolute
// ones (RFC 4469 section 3).
func parseMessageURL(text string) (u messageURL, ok bool) {
	head, tail, found := cutURLPart(text, ";UID=")
	if !found || !u.readMailboxPart(head) {
		return u, false
	}
	number, rest, _ := strings.Cut(tail, "/")
	uid, err := strconv.ParseUint(number, 10, 32)
	if err != nil || uid == 0 {
		return u, false
	}
	u.uid = gomail.UID(uid)
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if !u.readPart(part) {
			return u, false
		}
	}
	return u, true
}

// cutURLPart cuts at a parameter, in whatever case it is written.
func cutURLPart(text, name string) (before, after string, found bool) {
	i := strings.Index(strings.ToUpper(text), name)
	if i < 0 || len(strings.ToUpper(text)) != len(text) {
		return "", "", false
	}
	return text[:i], text[i+len(name):], true
}

// readMailboxPart reads "/Drafts;UIDVALIDITY=7/", or "/" or nothing for the
// open mailbox.
func (u *messageURL) readMailboxPart(head string) bool {
	if head == "" || head == "/" {
		return true
	}
	name, rooted := strings.CutPrefix(head, "/")
	name, closed := strings.CutSuffix(name, "/")
	if !rooted || !closed || strings.HasPrefix(name, "/") {
		return false
	}
	if encoded, validity, found := cutURLPart(name, ";UIDVALIDITY="); found {
		n, err := strconv.ParseUint(validity, 10, 32)
		if err != nil || n == 0 {
			return false
		}
		name, u.uidValidity = encoded, uint32(n)
	}
	path, err := url.PathUnescape(name)
	u.path = mailbox.CanonicalPath(path)
	return err == nil && path != "" && len(path) <= mailbox.MaxSharedPath
}

// readPart reads ";SECTION=1.2" or ";PARTIAL=0.1024", each once at most.
func (u *messageURL) readPart(part string) bool {
	if encoded, ok := cutFold(part, ";SECTION="); ok {
		section, err := url.PathUnescape(encoded)
		return err == nil && u.item.path == nil && u.item.what == message.Whole && !u.item.partial && u.item.parseSection(section)
	}
	if text, ok := cutFold(part, ";PARTIAL="); ok && !u.item.partial {
		offset, length, bounded := strings.Cut(text, ".")
		from, err := strconv.ParseInt(offset, 10, 64)
		to := int64(1) << 62
		if bounded && err == nil {
			to, err = strconv.ParseInt(length, 10, 64)
		}
		u.item.partial, u.item.offset, u.item.length = true, from, to
		return err == nil && from >= 0 && to > 0
	}
	return false
}

// cutFold is strings.CutPrefix without regard to case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// parseSection reads a section such as "1.2.HEADER" or "HEADER.FIELDS (DATE)".
func (item *fetchItem) parseSection(section string) bool {
	for section != "" && section[0] >= '0' && section[0] <= '9' {
		number, rest, _ := strings.Cut(section, ".")
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n == 0 || len(item.path) == message.MaxDepth {
			return false
		}
		item.path, section = append(item.path, int(n)), rest
	}
	word, list, fields := strings.Cut(section, " ")
	switch upper(word) {
	case "":
		return len(item.path) > 0 && !fields
	case "HEADER":
		item.what = message.HeaderOf
	case "TEXT":
		item.what = message.TextOf
	case "MIME":
		item.what = message.MIMEOf
		return len(item.path) > 0 && !fields
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		item.what, item.not = message.HeaderOf, upper(word) == "HEADER.FIELDS.NOT"
		names, opened := strings.CutPrefix(list, "(")
		names, closed := strings.CutSuffix(names, ")")
		item.fields = strings.Fields(names)
		return opened && closed && len(item.fields) > 0
	default:
		return false
	}
	return !fields
}
