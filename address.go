package gomail

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a mailbox address, RFC 5321 section 4.1.2: "anna@example.com".
// The zero Address is the null reverse-path "<>".
//
// Local is kept as it was written, without quotes: `"a b"@x` has the Local
// `a b`. Domain is in its canonical form (see CanonicalDomain), or an address
// literal in brackets such as "[192.0.2.1]".
type Address struct {
	Local  string
	Domain string
}

// Limits of RFC 5321 section 4.5.3.1, in octets.
const (
	MaxLocalPart = 64
	MaxDomain    = 255
	MaxAddress   = 254
)

// ParseAddress reads an addr-spec such as "anna@example.com", without angle
// brackets and without a source route. UTF-8 is accepted in both parts (RFC
// 6531). Anything else is an Invalid error that names what is wrong.
func ParseAddress(s string) (Address, error) {
	local, domain, err := splitAddress(s)
	if err != nil {
		return Address{}, err
	}
	if len(local) > MaxLocalPart {
		return Address{}, Errorf(Invalid, "the local part of the address is longer than %d octets", MaxLocalPart)
	}
	if strings.HasPrefix(domain, "[") {
		if !validLiteral(domain) {
			return Address{}, Errorf(Invalid, "the address literal %q is not valid", domain)
		}
		return Address{Local: local, Domain: strings.ToLower(domain)}, nil
	}
	domain, err = CanonicalDomain(domain)
	if err != nil {
		return Address{}, err
	}
	if len(local)+1+len(domain) > MaxAddress {
		return Address{}, Errorf(Invalid, "the address is longer than %d octets", MaxAddress)
	}
	return Address{Local: local, Domain: domain}, nil
}

// splitAddress takes the local part, unquoted, off the domain.
func splitAddress(s string) (local, domain string, err error) {
	if !utf8.ValidString(s) {
		return "", "", Errorf(Invalid, "the address is not valid UTF-8")
	}
	if strings.HasPrefix(s, `"`) {
		local, rest, err := unquoteLocal(s)
		if err != nil {
			return "", "", err
		}
		if !strings.HasPrefix(rest, "@") {
			return "", "", Errorf(Invalid, "the address %q has no @ after its local part", s)
		}
		return local, rest[1:], nil
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", "", Errorf(Invalid, "the address %q has no @", s)
	}
	if !isDotString(s[:at]) {
		return "", "", Errorf(Invalid, "the local part of the address %q is not valid", s)
	}
	return s[:at], s[at+1:], nil
}

// unquoteLocal reads a Quoted-string (RFC 5321 section 4.1.2) at the start
// of s and returns its content and what follows it.
func unquoteLocal(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			c = s[i]
		}
		if c < ' ' || c == 0x7f {
			return "", "", Errorf(Invalid, "the address holds a control character")
		}
		b.WriteByte(c)
	}
	return "", "", Errorf(Invalid, "the quoted local part of the address does not end")
}

// isDotString reports whether s is a Dot-string, RFC 5321 section 4.1.2 with
// RFC 6531's UTF-8.
func isDotString(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '.' && !isAtext(c) {
			return false
		}
	}
	return true
}

// isAtext reports whether c may stand in an Atom: RFC 5322 section 3.2.3, or
// an octet of a UTF-8 sequence.
func isAtext(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= 0x80:
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func validLiteral(s string) bool {
	if len(s) < 3 || len(s) > MaxDomain || s[len(s)-1] != ']' {
		return false
	}
	for _, c := range s[1 : len(s)-1] {
		if c <= ' ' || c >= 0x7f || c == '[' || c == ']' || c == '\\' {
			return false
		}
	}
	return true
}

// IsNull reports whether a is the null reverse-path.
func (a Address) IsNull() bool { return a == Address{} }

// IsASCII reports whether a can be sent to a server without SMTPUTF8. The
// domain always can: it is kept in A-labels.
func (a Address) IsASCII() bool {
	for i := 0; i < len(a.Local); i++ {
		if a.Local[i] >= 0x80 {
			return false
		}
	}
	return true
}

// String returns the address as it stands between angle brackets in SMTP:
// quoted where it has to be, and empty for the null reverse-path.
func (a Address) String() string {
	if a.IsNull() {
		return ""
	}
	if isDotString(a.Local) {
		return a.Local + "@" + a.Domain
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Local)
	return `"` + quoted + `"@` + a.Domain
}

// Canonical returns the form by which GoMail compares its own addresses: the
// local part in lower case. Foreign local parts are never folded (RFC 5321
// section 2.4).
func (a Address) Canonical() Address {
	return Address{Local: strings.ToLower(a.Local), Domain: a.Domain}
}

// domainProfile maps names as a browser would (UTS 46) but keeps underscores
// out and lengths in bounds.
var domainProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// CanonicalDomain returns a domain name in the one form GoMail stores and
// compares: A-labels, lower case, no trailing dot. A name that cannot be in
// the DNS is an Invalid error.
func CanonicalDomain(name string) (string, error) {
	trimmed := strings.TrimSuffix(name, ".")
	switch {
	case trimmed == "":
		return "", Errorf(Invalid, "the domain name is empty")
	case len(trimmed) > 4*MaxDomain: // Punycode takes time that grows with the square
		return "", Errorf(Invalid, "the domain name is longer than %d octets", MaxDomain)
	}
	if ascii, ok := plainDomain(trimmed); ok {
		return ascii, nil
	}
	ascii, err := domainProfile.ToASCII(trimmed)
	if err != nil || strings.HasSuffix(ascii, ".") {
		return "", Errorf(Invalid, "the domain name %q is not valid", name)
	}
	return ascii, nil
}

// plainDomain is the way for names that are letters, digits, hyphens and dots
// already and hold no A-label to check: nearly all, so it spares the tables.
func plainDomain(s string) (string, bool) {
	if len(s) > MaxDomain-2 || strings.Contains(s, "--") {
		return "", false
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return "", false
			}
			label = 0
			continue
		case c == '-':
			if label == 0 {
				return "", false
			}
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return "", false
		}
		if label++; label > 63 {
			return "", false
		}
	}
	if label == 0 || s[len(s)-1] == '-' {
		return "", false
	}
	return strings.ToLower(s), true
}
