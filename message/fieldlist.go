package message

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// Index.Fields tells of the message's header what mail programs ask for to list
// messages, so that nobody need read the message for it. It has an entry for
// each field, top to bottom; of those that are not kept one of each name:
//
//	what   1 octet: the place of the name in listedNames plus 1, times 4, and
//	       how the field is had. 0: some field of another name
//	field  where it is kept: uvarint length and octets
//
// Most fields that programs ask for are in the index already, as parts of the
// envelope: they are made of it where that gives every octet back.

// How a field is had.
const (
	fieldElsewhere = iota // from the message
	fieldKept             // as it follows
	fieldMade             // from the index, in the first spelling
	fieldMadeOther        // in the second
)

// Limits on what is kept.
const (
	maxFieldKept = 300     // octets of one field
	maxFieldList = 2 << 10 // of all of a message
)

// listedNames are those that Fields knows. Their places stand in what is
// stored: more may come behind, 63 in all.
var listedNames = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject", "Message-ID", "In-Reply-To", "References",
	"Content-Type", "MIME-Version", "Content-Transfer-Encoding", "Content-Description", "Content-Language", "Content-Disposition",
	"Priority", "X-Priority", "Importance", "Precedence", "Auto-Submitted", "Newsgroups", "Lines", "X-Label", "X-Keywords",
	"List-Id", "List-Post", "List-Subscribe", "List-Unsubscribe", "Mail-Followup-To", "Mail-Reply-To", "Disposition-Notification-To", "Return-Receipt-To",
	"X-Original-To", "X-K9mail-Identity", "X-Spam-Flag", "X-Spam-Status", "X-Spam-Level", "Resent-From", "Resent-To", "Resent-Date",
	"User-Agent", "X-Mailer", "Organization",
	// From here on fields are not kept.
	"Autocrypt", "Return-Path", "Delivered-To", "Received", "Authentication-Results", "Received-SPF", "DKIM-Signature",
	"ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results",
}

const (
	keptNames  = 45 // of the listed ones
	traceNames = 46 // the first of those that only tell how the message came
)

// listed returns the place of a name, -1 when it is none of those.
func listed(name []byte) int {
	for i, n := range listedNames {
		if len(n) == len(name) && n[0]|0x20 == name[0]|0x20 && strings.EqualFold(n, string(name)) {
			return i
		}
	}
	return -1
}

// listFields makes Fields of a header section; nil: whoever asks has to read
// the message.
func (x *Index) listFields(header []byte) []byte {
	if int64(len(header)) != x.Root.Header.Length || len(header) == 0 || header[0] == ' ' || header[0] == '\t' {
		return nil
	}
	var list []byte
	for n := 0; len(header) > 0; n++ {
		end := fieldEnd(header)
		field := header[:end]
		header = header[end:]
		if len(bytes.TrimRight(field, "\r\n")) == 0 {
			break
		}
		if n == MaxHeaderFields {
			return nil
		}
		list = x.listField(list, field)
	}
	return list
}

// listField adds the entry of a field.
func (x *Index) listField(list, field []byte) []byte {
	name := searchedName(field)
	if name == nil {
		return list // nobody can ask for it
	}
	place := -1
	if len(name) > 0 {
		place = listed(name)
	}
	what := byte(place+1) * 4
	if place >= 0 && place < keptNames {
		for _, how := range []byte{fieldMade, fieldMadeOther} {
			if made := x.appendMade(nil, place, how); bytes.Equal(made, field) {
				return append(list, what|how)
			}
		}
		if len(field) <= maxFieldKept && len(list)+len(field) <= maxFieldList && field[len(field)-1] == '\n' {
			return appendBytes(append(list, what|fieldKept), field)
		}
	}
	elsewhere := what + fieldElsewhere
	if hasEntry(list, elsewhere) {
		return list
	}
	return append(list, elsewhere)
}

// searchedName returns the name by which FilterHeader finds a field, nil where
// it has none.
func searchedName(field []byte) []byte {
	colon := bytes.IndexByte(field, ':')
	if colon < 0 {
		return nil
	}
	return bytes.TrimRight(field[:colon], " \t")
}

// hasEntry reports whether a list has an entry.
func hasEntry(list []byte, entry byte) bool {
	for r := (indexReader{b: list}); len(r.b) > 0 && !r.bad; {
		if what, _ := r.entry(); what == entry {
			return true
		}
	}
	return false
}

// entry reads one entry of a list, with the field where it is kept.
func (r *indexReader) entry() (what byte, field []byte) {
	what = r.b[0]
	r.b = r.b[1:]
	if what%4 == fieldKept {
		field = r.bytes()
	}
	return what, field
}

// appendMade appends a field that is made of the index, in one of two spellings:
// display names as they are and addresses alone, or quoted and in angle
// brackets; references on one line, or on one each.
func (x *Index) appendMade(dst []byte, place int, how byte) []byte {
	e, other := x.Envelope, how == fieldMadeOther
	dst = append(append(dst, listedNames[place]...), ": "...)
	switch place {
	case 0:
		dst = appendAddressList(dst, e.From, other)
	case 1:
		dst = appendAddressList(dst, e.Sender, other)
	case 2:
		dst = appendAddressList(dst, e.ReplyTo, other)
	case 3:
		dst = appendAddressList(dst, e.To, other)
	case 4:
		dst = appendAddressList(dst, e.Cc, other)
	case 5:
		dst = appendAddressList(dst, e.Bcc, other)
	case 6:
		dst = append(dst, e.Date...)
	case 7:
		dst = append(dst, e.Subject...)
	case 8:
		dst = append(dst, e.MessageID...)
	case 9:
		dst = append(dst, e.InReplyTo...)
	case 10:
		dst = appendReferences(dst, x.References, other)
	case 12:
		dst = append(dst, "1.0"...)
	}
	return append(dst, "\r\n"...)
}

func appendAddressList(dst []byte, list []HeaderAddress, other bool) []byte {
	for i, a := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		switch {
		case a.Name != "" && other:
			dst = append(appendString(dst, a.Name), ' ')
		case a.Name != "":
			dst = append(append(dst, a.Name...), ' ')
		}
		bare := a.Name == "" && !other
		if !bare {
			dst = append(dst, '<')
		}
		dst = append(append(append(dst, a.Local...), '@'), a.Domain...)
		if !bare {
			dst = append(dst, '>')
		}
	}
	return dst
}

func appendReferences(dst []byte, ids []string, other bool) []byte {
	for i, id := range ids {
		switch {
		case i > 0 && other:
			dst = append(dst, "\r\n "...)
		case i > 0:
			dst = append(dst, ' ')
		}
		dst = append(append(append(dst, '<'), id...), '>')
	}
	return dst
}

// Fields are names of header fields that are asked for.
type Fields struct {
	names  []string
	places uint64 // in listedNames
	others bool   // some are not listed
}

// NewFields returns what asks for fields of these names.
func NewFields(names []string) *Fields {
	f := &Fields{names: names}
	for _, name := range names {
		place := -1
		if name != "" {
			place = listed([]byte(name))
		}
		if place < 0 {
			f.others = true
			continue
		}
		f.places |= 1 << place
	}
	return f
}

// Of returns what FilterHeader returns for the header of a message, from its
// marshalled index and the account's own fields before it, see OwnFields. Not
// ok: the message has to be read.
func (f *Fields) Of(marshalled, own []byte, hasOwn bool) (fields []byte, ok bool) {
	list := listOf(marshalled)
	if list == nil || hasOwn && (own == nil || f.places>>traceNames != 0) {
		return nil, false
	}
	var out []byte
	if len(own) > 0 {
		out = FilterHeader(own, f.names, false)
		out = out[:len(out)-2] // the empty line comes at the end
	}
	var x *Index
	for r := (indexReader{b: list}); len(r.b) > 0; {
		what, field := r.entry()
		place := int(what/4) - 1
		switch {
		case r.bad || place >= len(listedNames):
			return nil, false
		case place < 0 && !f.others, place >= 0 && f.places&(1<<place) == 0:
			continue
		case what%4 == fieldElsewhere:
			return nil, false
		case what%4 == fieldKept:
			out = append(out, field...)
			continue
		}
		if x == nil {
			var err error
			if x, err = UnmarshalHead(marshalled); err != nil {
				return nil, false
			}
			out = slices.Grow(out, 256)
		}
		out = x.appendMade(out, place, what%4)
	}
	return append(out, "\r\n"...), true
}

// listOf returns Index.Fields from a marshalled index, nil when there is none.
func listOf(marshalled []byte) []byte {
	r := indexReader{b: marshalled}
	r.preamble()
	if r.flags&listFlag == 0 {
		return nil
	}
	r.bytes() // envelope
	r.bytes() // structure
	return r.bytes()
}

// OwnFields returns those of an account's own header fields before a message
// that Fields.Of needs; never nil unless what stands there cannot be told
// apart from the message's.
func OwnFields(prefix []byte) []byte {
	own := []byte{}
	if len(prefix) > 0 && prefix[len(prefix)-1] != '\n' {
		return nil
	}
	for len(prefix) > 0 {
		end := fieldEnd(prefix)
		field := prefix[:end]
		prefix = prefix[end:]
		name := searchedName(field)
		if len(name) == 0 || len(bytes.TrimRight(field, "\r\n")) == 0 {
			return nil
		}
		if listed(name) < traceNames {
			own = append(own, field...)
		}
	}
	return own
}

// appendFieldList appends Index.Fields to a marshalled index.
func (x *Index) appendFieldList(dst []byte) []byte {
	if len(x.Fields) == 0 {
		return dst
	}
	return append(binary.AppendUvarint(dst, uint64(len(x.Fields))), x.Fields...)
}
