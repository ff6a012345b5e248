package message

import (
	"strconv"
)

// appendString renders s as an IMAP string: quoted when it is plain ASCII, a
// literal otherwise. CR and LF are safe in a literal; NUL, which no string
// may hold (RFC 9051 section 4.3), is left out.
func appendString(dst []byte, s string) []byte {
	escapes := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			escapes++
		case c < ' ' && c != '\t' || c >= 0x7f:
			return appendLiteral(dst, s)
		}
	}
	dst = append(dst, '"')
	if escapes == 0 {
		return append(append(dst, s...), '"')
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func appendLiteral(dst []byte, s string) []byte {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			n--
		}
	}
	dst = append(dst, '{')
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, "}\r\n"...)
	for i := 0; i < len(s); i++ {
		if s[i] != 0 {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// appendNString renders an empty string as NIL.
func appendNString(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "NIL"...)
	}
	return appendString(dst, s)
}

// AppendEnvelope renders e as IMAP's ENVELOPE, RFC 9051 section 7.5.2.
func (e *Envelope) AppendEnvelope(dst []byte) []byte {
	dst = append(dst, '(')
	dst = append(appendNString(dst, e.Date), ' ')
	dst = append(appendNString(dst, e.Subject), ' ')
	for _, list := range [...][]HeaderAddress{e.From, e.Sender, e.ReplyTo, e.To, e.Cc, e.Bcc} {
		dst = append(appendAddresses(dst, list), ' ')
	}
	dst = append(appendNString(dst, e.InReplyTo), ' ')
	return append(appendNString(dst, e.MessageID), ')')
}

func appendAddresses(dst []byte, list []HeaderAddress) []byte {
	if len(list) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for _, a := range list {
		switch a.Group {
		case GroupStart:
			dst = append(dst, "(NIL NIL "...)
			dst = append(appendString(dst, a.Name), " NIL)"...)
		case GroupEnd:
			dst = append(dst, "(NIL NIL NIL NIL)"...)
		default:
			dst = append(dst, '(')
			dst = append(appendNString(dst, a.Name), " NIL "...)
			dst = append(appendString(dst, a.Local), ' ')
			// A NIL host would make it a group.
			dst = append(appendString(dst, a.Domain), ')')
		}
	}
	return append(dst, ')')
}

// AppendStructure renders p as IMAP's BODYSTRUCTURE, or as BODY, which lacks
// the extension data, RFC 9051 section 7.5.2.
func (p *Part) AppendStructure(dst []byte, extended bool) []byte {
	dst = append(dst, '(')
	if p.IsMultipart() {
		dst = p.appendMultipart(dst, extended)
	} else {
		dst = p.appendSingle(dst, extended)
	}
	return append(dst, ')')
}

func (p *Part) appendMultipart(dst []byte, extended bool) []byte {
	for _, child := range p.Children {
		dst = child.AppendStructure(dst, extended)
	}
	dst = appendString(append(dst, ' '), p.Subtype)
	if !extended {
		return dst
	}
	dst = appendParams(append(dst, ' '), p.Params)
	return p.appendExtension(dst)
}

func (p *Part) appendSingle(dst []byte, extended bool) []byte {
	dst = append(appendString(dst, p.Type), ' ')
	dst = append(appendString(dst, p.Subtype), ' ')
	dst = append(appendParams(dst, p.Params), ' ')
	dst = append(appendNString(dst, p.ID), ' ')
	dst = append(appendNString(dst, p.Description), ' ')
	dst = append(appendString(dst, p.Encoding), ' ')
	dst = strconv.AppendInt(dst, p.Body.Length, 10)
	if p.IsMessage() {
		dst = p.Envelope.AppendEnvelope(append(dst, ' '))
		dst = p.Children[0].AppendStructure(append(dst, ' '), extended)
	}
	if p.IsMessage() || p.Type == "text" {
		dst = strconv.AppendInt(append(dst, ' '), p.Lines, 10)
	}
	if !extended {
		return dst
	}
	dst = appendNString(append(dst, ' '), p.MD5)
	return p.appendExtension(dst)
}

// appendExtension renders disposition, language and location.
func (p *Part) appendExtension(dst []byte) []byte {
	dst = append(dst, ' ')
	if p.Disposition == "" {
		dst = append(dst, "NIL"...)
	} else {
		dst = append(appendString(append(dst, '('), p.Disposition), ' ')
		dst = append(appendParams(dst, p.DispositionParams), ')')
	}
	dst = append(dst, ' ')
	switch len(p.Language) {
	case 0:
		dst = append(dst, "NIL"...)
	case 1:
		dst = appendString(dst, p.Language[0])
	default:
		dst = append(dst, '(')
		for i, tag := range p.Language {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = appendString(dst, tag)
		}
		dst = append(dst, ')')
	}
	return appendNString(append(dst, ' '), p.Location)
}

func appendParams(dst []byte, params Params) []byte {
	if len(params) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for i, p := range params {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(appendString(dst, p.Name), ' ')
		dst = appendString(dst, p.Value)
	}
	return append(dst, ')')
}
