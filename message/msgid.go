package message

import (
	"encoding/base32"
	"strings"
)

// maxReferences bounds the list that ParseMessageIDs returns: the first and
// the most recent are what threads are made from.
const maxReferences = 100

// ParseMessageIDs returns the message identifiers of a References,
// In-Reply-To or Message-ID value without their angle brackets, in order,
// each once. Of more than 100 the first and the last 99 are returned. Words
// outside brackets (RFC 5322 section 4.5.4) are passed over.
func ParseMessageIDs(value string) []string {
	var ids []string
	for {
		open := strings.IndexByte(value, '<')
		if open < 0 {
			break
		}
		value = value[open+1:]
		end := strings.IndexAny(value, "<>")
		if end < 0 {
			break
		}
		id := strings.Map(dropBlank, value[:end])
		if value[end] == '>' && id != "" && len(id) <= 998 {
			ids = appendID(ids, id)
		}
		if value[end] == '>' {
			end++
		}
		value = value[end:]
	}
	return ids
}

func appendID(ids []string, id string) []string {
	for _, known := range ids {
		if known == id {
			return ids
		}
	}
	if len(ids) == maxReferences {
		ids = append(ids[:1], ids[2:]...)
	}
	return append(ids, id)
}

func dropBlank(r rune) rune {
	if r <= ' ' || r == 0x7f {
		return -1
	}
	return r
}

// messageIDEncoding has lower-case letters and digits only, which survive
// every program that folds case.
var messageIDEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewMessageID makes a message identifier with its angle brackets from 16
// random bytes and the name of the host or domain that makes it (RFC 5322
// section 3.6.4).
func NewMessageID(random [16]byte, domain string) string {
	return "<" + messageIDEncoding.EncodeToString(random[:]) + "@" + domain + ">"
}
