package message

import (
	"bytes"
	"strings"
)

// partFields are the header fields that the index needs, unfolded.
type partFields struct {
	contentType, encoding, id, description, md5 string
	disposition, language, location             string
	date, subject, inReplyTo, messageID         string
	from, sender, replyTo, to, cc, bcc          string
	references                                  string
	hasContentType                              bool
}

// readFields reads a header in one pass. Of a field that may stand once the
// first counts; address fields that stand twice are joined.
func readFields(raw []byte, isMessage bool) *partFields {
	fields := &partFields{}
	for n := 0; len(raw) > 0 && n < MaxHeaderFields; n++ {
		end := fieldEnd(raw)
		fields.take(raw[:end], isMessage)
		raw = raw[end:]
	}
	return fields
}

func (f *partFields) take(field []byte, isMessage bool) {
	colon := bytes.IndexByte(field, ':')
	if colon <= 0 || colon > 32 {
		return
	}
	var buf [32]byte
	name := bytes.TrimRight(appendLower(buf[:0], field[:colon]), " \t")
	target, joins := f.content(name), false
	if target == nil && isMessage {
		target, joins = f.message(name)
	}
	if target == nil {
		return
	}
	value := fieldValue(field[colon+1:])
	switch {
	case *target == "":
		*target = value
	case joins:
		*target += ", " + value
	}
	f.hasContentType = f.hasContentType || target == &f.contentType
}

func appendLower(dst, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// content returns where a field of RFC 2045 and its kin belongs.
func (f *partFields) content(name []byte) *string {
	switch string(name) {
	case "content-type":
		return &f.contentType
	case "content-transfer-encoding":
		return &f.encoding
	case "content-id":
		return &f.id
	case "content-description":
		return &f.description
	case "content-md5":
		return &f.md5
	case "content-disposition":
		return &f.disposition
	case "content-language":
		return &f.language
	case "content-location":
		return &f.location
	}
	return nil
}

// message returns where a field of RFC 5322 belongs, and whether it is a list
// of addresses, which joins with others of its name.
func (f *partFields) message(name []byte) (target *string, joins bool) {
	switch string(name) {
	case "date":
		return &f.date, false
	case "subject":
		return &f.subject, false
	case "in-reply-to":
		return &f.inReplyTo, false
	case "message-id":
		return &f.messageID, false
	case "references":
		return &f.references, false
	case "from":
		return &f.from, true
	case "sender":
		return &f.sender, true
	case "reply-to":
		return &f.replyTo, true
	case "to":
		return &f.to, true
	case "cc":
		return &f.cc, true
	case "bcc":
		return &f.bcc, true
	}
	return nil, false
}

// fieldValue unfolds a value and takes NUL out, which IMAP cannot carry.
func fieldValue(value []byte) string {
	value = bytes.Trim(value, " \t\r\n\x00")
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 && bytes.IndexByte(value, 0) < 0 {
		return string(value)
	}
	out := make([]byte, 0, len(value))
	for _, c := range value {
		if c != '\r' && c != '\n' && c != 0 {
			out = append(out, c)
		}
	}
	return string(out)
}

// subjectOnce reports whether ParseHeader finds at most one Subject in a
// header, which is this one, and would do so below fields of other names.
func subjectOnce(raw []byte, subject string) bool {
	if len(raw) >= MaxHeaderBytes {
		return false
	}
	found := 0
	for n := 0; len(raw) > 0; n++ {
		end := fieldEnd(raw)
		field := raw[:end]
		raw = raw[end:]
		if len(bytes.TrimRight(field, "\r\n")) == 0 {
			break
		}
		if n == MaxHeaderFields/2 {
			return false
		}
		if nameIn(field, []string{"Subject"}) {
			if found++; found > 1 || (Field{Raw: field}).Value() != subject {
				return false
			}
		}
	}
	return found == 1 || subject == ""
}

// apply describes a part by its content fields.
func (fields *partFields) apply(f *frame) {
	p := f.part
	fields.applyType(f)
	p.Location, p.Encoding = fields.location, defaultEncoding
	if !p.IsMultipart() { // IMAP has no place for these in a multipart
		p.ID, p.Description, p.MD5 = fields.id, fields.description, fields.md5
		if encoding, _ := ParseParamField(fields.encoding); encoding != "" {
			p.Encoding = encoding
		}
	}
	if fields.disposition != "" {
		p.Disposition, p.DispositionParams = ParseParamField(fields.disposition)
		if p.Disposition == "" && len(p.DispositionParams) > 0 {
			p.Disposition = "attachment" // RFC 2183 section 2.8: what an unknown one counts as
		}
	}
	for _, tag := range strings.FieldsFunc(fields.language, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if len(p.Language) < maxParams {
			p.Language = append(p.Language, tag)
		}
	}
}

// applyType sets the media type. One that cannot be read, and a multipart
// without a usable boundary, count as plain text (RFC 2045 section 5.2).
func (fields *partFields) applyType(f *frame) {
	p := f.part
	p.Type, p.Subtype, p.Params = "text", "plain", Params{{Name: "charset", Value: "us-ascii"}}
	if !fields.hasContentType {
		if f.inDigest {
			p.Type, p.Subtype, p.Params = "message", "rfc822", nil
		}
		return
	}
	value, params := ParseParamField(fields.contentType)
	typ, subtype, _ := strings.Cut(value, "/")
	typ, subtype = strings.TrimSpace(typ), strings.TrimSpace(subtype)
	if !isToken(typ) || !isToken(subtype) {
		return
	}
	if typ == "multipart" && boundaryOf(&Part{Params: params}) == nil {
		return
	}
	p.Type, p.Subtype, p.Params = typ, subtype, params
}

// boundaryOf returns the boundary of a multipart, nil when it has none that
// is usable. White space cannot end a boundary, RFC 2046 section 5.1.1.
func boundaryOf(p *Part) []byte {
	for _, param := range p.Params {
		if strings.TrimSuffix(param.Name, "*") != "boundary" {
			continue
		}
		boundary := param.Value
		if param.Name == "boundary*" {
			boundary = decodeExtended(boundary)
		}
		boundary = strings.TrimRight(boundary, " \t")
		if boundary == "" || len(boundary) > maxBoundary {
			return nil
		}
		return []byte(boundary)
	}
	return nil
}

// envelope makes the Envelope of a message's fields.
func (fields *partFields) envelope() *Envelope {
	e := &Envelope{
		Date: fields.date, Subject: fields.subject, InReplyTo: fields.inReplyTo, MessageID: fields.messageID,
		From: ParseAddressList(fields.from), Sender: ParseAddressList(fields.sender), ReplyTo: ParseAddressList(fields.replyTo),
		To: ParseAddressList(fields.to), Cc: ParseAddressList(fields.cc), Bcc: ParseAddressList(fields.bcc),
	}
	if len(e.Sender) == 0 {
		e.Sender = e.From
	}
	if len(e.ReplyTo) == 0 {
		e.ReplyTo = e.From
	}
	return e
}
