package spf

import (
	"net/netip"
	"strconv"
	"strings"

	"gomail"
)

// maxRecord bounds a record in octets. RFC 7208 section 3.4 advises 450; what
// is several times that is no policy but a burden.
const maxRecord = 8 << 10

// IsRecord reports whether a TXT record is an SPF record, RFC 7208 section
// 4.5: the version stands alone or before a space.
func IsRecord(text string) bool {
	const version = "v=spf1"
	return len(text) >= len(version) && strings.EqualFold(text[:len(version)], version) &&
		(len(text) == len(version) || text[len(version)] == ' ')
}

// ValidRecord checks a whole record against the grammar of RFC 7208 section
// 12. A syntax error anywhere, also behind a term that would match, is a
// permerror (section 4.6). The error is an Invalid one that quotes the term.
func ValidRecord(text string) error {
	if !IsRecord(text) {
		return gomail.Errorf(gomail.Invalid, "an SPF record begins with v=spf1 and a space")
	}
	if len(text) > maxRecord {
		return gomail.Errorf(gomail.Invalid, "the SPF record is longer than %d octets", maxRecord)
	}
	seen := map[string]bool{}
	for term := range strings.SplitSeq(text[len("v=spf1"):], " ") {
		if term == "" {
			continue
		}
		if err := ValidTerm(term); err != nil {
			return err
		}
		name, _, isModifier := cutModifier(term)
		if name = strings.ToLower(name); isModifier && (name == "redirect" || name == "exp") {
			if seen[name] {
				return gomail.Errorf(gomail.Invalid, "the SPF record has %s= twice", name)
			}
			seen[name] = true
		}
	}
	return nil
}

// ValidTerm checks one mechanism, with or without a qualifier, or one
// modifier. Examples: "include:_spf.example.net", "-ip4:192.0.2.0/24".
func ValidTerm(term string) error {
	valid := false
	if name, value, ok := cutModifier(term); ok {
		valid = validModifier(strings.ToLower(name), value)
	} else {
		valid = validMechanism(strings.TrimLeft(term[:min(1, len(term))], "+-~?") + term[min(1, len(term)):])
	}
	if !valid {
		return gomail.Errorf(gomail.Invalid, "%q is no valid term of an SPF record", term)
	}
	return nil
}

// cutModifier splits "name=value"; the name tells it from a mechanism, which
// may hold a = too, behind its colon.
func cutModifier(term string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(term, "=")
	if !ok || name == "" || !isAlpha(name[0]) {
		return "", "", false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return "", "", false
		}
	}
	return name, value, true
}

func validModifier(name, value string) bool {
	if name == "redirect" || name == "exp" {
		return validDomainSpec(value)
	}
	_, ok := macroString(value)
	return ok
}

func validMechanism(term string) bool {
	end := strings.IndexAny(term, ":/")
	if end < 0 {
		end = len(term)
	}
	name, rest := strings.ToLower(term[:end]), term[end:]
	switch name {
	case "all":
		return rest == ""
	case "include", "exists":
		return strings.HasPrefix(rest, ":") && validDomainSpec(rest[1:])
	case "ptr":
		return rest == "" || strings.HasPrefix(rest, ":") && validDomainSpec(rest[1:])
	case "a", "mx":
		spec, ok := cutDualCIDR(rest)
		return ok && (spec == "" || strings.HasPrefix(spec, ":") && validDomainSpec(spec[1:]))
	case "ip4":
		return strings.HasPrefix(rest, ":") && validNetwork(rest[1:], true)
	case "ip6":
		return strings.HasPrefix(rest, ":") && validNetwork(rest[1:], false)
	}
	return false
}

func validNetwork(text string, four bool) bool {
	host, length, hasLength := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4() != four {
		return false
	}
	return !hasLength || validLength(length, addr.BitLen())
}

// cutDualCIDR takes "/24", "//64" or "/24//64" off the end.
func cutDualCIDR(text string) (spec string, ok bool) {
	if i := strings.LastIndex(text, "//"); i >= 0 {
		if !validLength(text[i+2:], 128) {
			return "", false
		}
		text = text[:i]
	}
	i := strings.LastIndexByte(text, '/')
	if i < 0 || strings.Trim(text[i+1:], "0123456789") != "" {
		// Not a length: a slash may stand in a domain-spec.
		return text, true
	}
	return text[:i], validLength(text[i+1:], 32)
}

// validLength takes a decimal number without leading zeros.
func validLength(text string, most int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 0 && n <= most && strconv.Itoa(n) == text
}

// validDomainSpec checks domain-spec, RFC 7208 section 7.1: any macro-string
// that ends in a macro or in a dot and a top label.
func validDomainSpec(spec string) bool {
	endsInMacro, ok := macroString(spec)
	if !ok || spec == "" {
		return false
	}
	if endsInMacro {
		return true
	}
	spec = strings.TrimSuffix(spec, ".")
	dot := strings.LastIndexByte(spec, '.')
	return dot >= 0 && validTopLabel(spec[dot+1:])
}

// validTopLabel: letters, digits and inner hyphens, and not digits only.
func validTopLabel(label string) bool {
	if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	onlyDigits := true
	for i := 0; i < len(label); i++ {
		if !isAlnum(label[i]) && label[i] != '-' {
			return false
		}
		onlyDigits = onlyDigits && '0' <= label[i] && label[i] <= '9'
	}
	return !onlyDigits
}

// macroString checks macro-string and reports whether it ends in a macro.
func macroString(s string) (endsInMacro, ok bool) {
	for i := 0; i < len(s); {
		endsInMacro = s[i] == '%'
		switch {
		case s[i] <= ' ' || s[i] >= 0x7f:
			return false, false
		case s[i] != '%':
			i++
		case i+1 < len(s) && strings.IndexByte("%_-", s[i+1]) >= 0:
			i += 2
		case i+1 < len(s) && s[i+1] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 || !validMacro(s[i+2:i+end]) {
				return false, false
			}
			i += end + 1
		default:
			return false, false
		}
	}
	return endsInMacro, true
}

// validMacro checks what stands between the braces: a letter, digits, r, and
// delimiters. The letters c, r and t are for explanation texts, not records.
func validMacro(body string) bool {
	if body == "" || strings.IndexByte("slodiphv", body[0]|0x20) < 0 {
		return false
	}
	rest := strings.TrimLeft(body[1:], "0123456789")
	if digits := body[1 : len(body)-len(rest)]; digits != "" && strings.Trim(digits, "0") == "" {
		return false
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "r"), "R")
	return strings.Trim(rest, ".-+,/_=") == ""
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isAlpha(c) || '0' <= c && c <= '9' }
