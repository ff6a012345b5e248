package mailauth

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"gomail/mailauth/arc"
	"gomail/mailauth/dkim"
	"gomail/mailauth/spf"
)

// AuthenticationResults returns the result as a folded
// Authentication-Results field with its final CRLF, RFC 8601. Strangers'
// texts stand in it only as quoted strings or tokens.
func (r Result) AuthenticationResults(authservID string) []byte {
	return r.results("Authentication-Results: ", authservID)
}

// ARCResults returns the same as the ARC-Authentication-Results field of a
// set, RFC 8617 section 4.1.1.
func (r Result) ARCResults(authservID string, instance int) []byte {
	return r.results("ARC-Authentication-Results: i="+strconv.Itoa(instance)+"; ", authservID)
}

func (r Result) results(start, authservID string) []byte {
	f := newField(start + value(authservID))
	if r.IPRev.Status != "" {
		f.method("iprev", string(r.IPRev.Status), "")
		f.property("policy.iprev", r.IPRev.Addr.String())
		if r.IPRev.Name != "" {
			f.comment(r.IPRev.Name)
		}
	}
	r.spfResults(f)
	r.dkimResults(f)
	r.dmarcResult(f)
	r.arcResult(f)
	if f.methods == 0 {
		f.raw("; none")
	}
	return f.end()
}

func (r Result) dmarcResult(f *field) {
	if r.DMARC.Status == "" {
		return
	}
	f.method("dmarc", string(r.DMARC.Status), r.DMARC.Reason)
	if r.DMARC.Domain != "" {
		f.comment("p=" + string(r.DMARC.Published) + " from " + r.DMARC.Domain)
	}
	if r.Override.Type != "" {
		f.comment("let through by a trusted ARC chain")
	}
	if r.DMARC.Author != "" {
		f.property("header.from", r.DMARC.Author)
	}
}

// arcResult writes the result of the chain as RFC 8617 section 10.1 has it.
func (r Result) arcResult(f *field) {
	if r.ARC.Status == "" {
		return
	}
	f.method("arc", string(r.ARC.Status), r.ARC.Reason)
	if r.ARC.Status == arc.Pass {
		f.property("header.oldest-pass", strconv.Itoa(r.ARC.OldestPass))
	}
	if r.remote().IsValid() {
		f.property("smtp.remote-ip", r.remote().String())
	}
}

func (r Result) spfResults(f *field) {
	for _, s := range []spf.Result{r.SPF, r.SPFHelo} {
		if s.Status == "" {
			continue
		}
		reason := s.Reason
		if s.Status == spf.Pass {
			reason = ""
		}
		f.method("spf", string(s.Status), reason)
		if s.Identity == spf.MailFrom && !s.NullSender {
			f.property("smtp.mailfrom", s.Sender.String())
		} else {
			f.property("smtp.helo", s.Domain)
		}
	}
}

func (r Result) dkimResults(f *field) {
	if len(r.DKIM) == 0 && r.DMARC.Status != "" {
		f.method("dkim", "none", "")
	}
	for _, s := range r.DKIM {
		f.method("dkim", string(s.Status), s.Reason)
		if s.Testing && s.Status != dkim.Pass {
			f.comment("the key is in test mode")
		}
		for _, p := range []struct{ name, value string }{
			{"header.d", s.Domain}, {"header.i", s.Identity}, {"header.s", s.Selector}, {"header.a", string(s.Algorithm)}, {"header.b", s.Prefix},
		} {
			if p.value != "" {
				f.property(p.name, p.value)
			}
		}
	}
}

// ReceivedSPF returns the SPF result as a folded Received-SPF field with its
// final CRLF, RFC 7208 section 9.1. It is empty when SPF was not checked.
func (r Result) ReceivedSPF() []byte {
	s := r.SPF
	if s.Status == "" {
		return nil
	}
	f := newField("Received-SPF: " + string(s.Status))
	f.comment(r.Receiver + ": " + s.Reason)
	f.word("client-ip=" + keyValue(s.Client.String()) + ";")
	f.word("envelope-from=" + keyValue(s.Sender.String()) + ";")
	f.word("helo=" + keyValue(s.Helo) + ";")
	f.word("receiver=" + keyValue(r.Receiver) + ";")
	f.word("identity=" + string(s.Identity))
	return f.end()
}

// lineLength is where lines are folded, RFC 5322 section 2.1.1.
const lineLength = 76

// field writes one header field, folded.
type field struct {
	buf     []byte
	column  int
	methods int
}

func newField(start string) *field {
	f := &field{buf: make([]byte, 0, 512)}
	f.raw(start)
	return f
}

func (f *field) raw(s string) {
	f.buf = append(f.buf, s...)
	f.column += len(s)
}

func (f *field) fold() {
	f.buf = append(f.buf, "\r\n\t"...)
	f.column = 8
}

// word writes s after a space or a fold. s holds no line break.
func (f *field) word(s string) {
	if f.column+1+len(s) > lineLength {
		f.fold()
	} else {
		f.raw(" ")
	}
	f.raw(s)
}

// method begins a result on a line of its own.
func (f *field) method(name, result, reason string) {
	f.raw(";")
	f.fold()
	f.raw(name + "=" + result)
	f.methods++
	if reason != "" {
		f.word("reason=" + quoted(reason))
	}
}

func (f *field) property(name, text string) { f.word(name + "=" + value(text)) }

// comment writes our own words and canonical names; anything but plain ASCII
// and what would end a comment is left out.
func (f *field) comment(text string) {
	f.word("(" + strings.Map(func(r rune) rune {
		if r == '(' || r == ')' || r == '\\' || r < ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, text[:min(len(text), maxQuoted)]) + ")")
}

func (f *field) end() []byte { return append(f.buf, "\r\n"...) }

// value encodes a pvalue of RFC 8601 section 2.2: as it is where it is a
// token or an address of tokens, quoted otherwise.
func value(s string) string {
	local, domain, isAddress := strings.Cut(s, "@")
	if isToken(s) || isAddress && (local == "" || isToken(local)) && isToken(domain) {
		return s
	}
	return quoted(s)
}

// keyValue encodes a value of a key-value-pair of RFC 7208 section 9.1: a
// dot-atom as it is, anything else quoted.
func keyValue(s string) string {
	if isToken(s) && s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..") {
		return s
	}
	return quoted(s)
}

// isToken reports whether s is a token of RFC 2045 section 5.1, and not too
// long to stand in a line with another.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= maxQuoted
}

// maxQuoted bounds in octets what is quoted of a stranger, so that a line
// stays below the 998 octets of RFC 5322.
const maxQuoted = 400

// quoted makes a quoted-string (RFC 5322 section 3.2.4, RFC 6532). What may
// not stand in one becomes a question mark.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if b.Len() >= maxQuoted {
			break
		}
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r == utf8.RuneError || 0x80 <= r && r < 0xa0:
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
