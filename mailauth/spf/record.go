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

// record is an SPF record that was read whole.
type record struct {
	terms       []term // the mechanisms, in their order
	redirect    string // a domain-spec, empty when there is no redirect=
	explanation string // a domain-spec, empty when there is no exp=
}

// term is one mechanism with its qualifier, RFC 7208 section 5.
type term struct {
	result  Status // when it matches
	name    string // "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"
	spec    string // domain-spec, empty where it is left out
	prefix4 int    // of a and mx, in bits
	prefix6 int
	network netip.Prefix // of ip4 and ip6
}

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
	_, err := parseRecord(text)
	return err
}

// ValidTerm checks one mechanism, with or without a qualifier, or one
// modifier. Examples: "include:_spf.example.net", "-ip4:192.0.2.0/24".
func ValidTerm(text string) error {
	var r record
	return r.add(text)
}

func parseRecord(text string) (record, error) {
	var r record
	if !IsRecord(text) {
		return r, gomail.Errorf(gomail.Invalid, "an SPF record begins with v=spf1 and a space")
	}
	if len(text) > maxRecord {
		return r, gomail.Errorf(gomail.Invalid, "the SPF record is longer than %d octets", maxRecord)
	}
	for text := range strings.SplitSeq(text[len("v=spf1"):], " ") {
		if text == "" {
			continue
		}
		if err := r.add(text); err != nil {
			return r, err
		}
	}
	return r, nil
}

// add reads one term.
func (r *record) add(text string) error {
	if name, value, ok := cutModifier(text); ok {
		return r.addModifier(text, strings.ToLower(name), value)
	}
	t, ok := parseMechanism(text)
	if !ok {
		return invalidTerm(text)
	}
	r.terms = append(r.terms, t)
	return nil
}

func invalidTerm(text string) error {
	return gomail.Errorf(gomail.Invalid, "%q is no valid term of an SPF record", text)
}

// addModifier takes redirect= and exp=, each at most once (RFC 7208 section
// 6), and passes over others.
func (r *record) addModifier(text, name, value string) error {
	var place *string
	switch name {
	case "redirect":
		place = &r.redirect
	case "exp":
		place = &r.explanation
	default:
		if _, ok := scanMacros(value); !ok {
			return invalidTerm(text)
		}
		return nil
	}
	switch {
	case !validDomainSpec(value):
		return invalidTerm(text)
	case *place != "":
		return gomail.Errorf(gomail.Invalid, "the SPF record has %s= twice", name)
	}
	*place = value
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

// parseMechanism reads a mechanism with or without its qualifier.
func parseMechanism(text string) (t term, ok bool) {
	t = term{result: Pass, prefix4: 32, prefix6: 128}
	if text == "" {
		return t, false
	}
	if result, ok := qualifiers[text[0]]; ok {
		t.result, text = result, text[1:]
	}
	end := strings.IndexAny(text, ":/")
	if end < 0 {
		end = len(text)
	}
	t.name = strings.ToLower(text[:end])
	return t, t.readArgument(text[end:])
}

var qualifiers = map[byte]Status{'+': Pass, '-': Fail, '~': SoftFail, '?': Neutral}

// readArgument reads what follows a mechanism's name.
func (t *term) readArgument(rest string) bool {
	value, hasValue := strings.CutPrefix(rest, ":")
	switch t.name {
	case "all":
		return rest == ""
	case "include", "exists":
		t.spec = value
		return hasValue && validDomainSpec(value)
	case "ptr":
		t.spec = value
		return rest == "" || hasValue && validDomainSpec(value)
	case "a", "mx":
		return t.readDomainAndLengths(rest)
	case "ip4", "ip6":
		network, ok := parseNetwork(value, t.name == "ip4")
		t.network = network
		return hasValue && ok
	}
	return false
}

func (t *term) readDomainAndLengths(rest string) bool {
	rest, ok := t.cutDualCIDR(rest)
	if !ok || rest == "" {
		return ok
	}
	value, hasValue := strings.CutPrefix(rest, ":")
	t.spec = value
	return hasValue && validDomainSpec(value)
}

// cutDualCIDR takes "/24", "//64" or "/24//64" off the end.
func (t *term) cutDualCIDR(text string) (spec string, ok bool) {
	if i := strings.LastIndex(text, "//"); i >= 0 {
		if t.prefix6, ok = parseLength(text[i+2:], 128); !ok {
			return "", false
		}
		text = text[:i]
	}
	i := strings.LastIndexByte(text, '/')
	if i < 0 || strings.Trim(text[i+1:], "0123456789") != "" {
		// Not a length: a slash may stand in a domain-spec.
		return text, true
	}
	t.prefix4, ok = parseLength(text[i+1:], 32)
	return text[:i], ok
}

func parseNetwork(text string, four bool) (netip.Prefix, bool) {
	host, length, hasLength := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4() != four {
		return netip.Prefix{}, false
	}
	bits, ok := addr.BitLen(), true
	if hasLength {
		bits, ok = parseLength(length, addr.BitLen())
	}
	return netip.PrefixFrom(addr, bits), ok
}

// parseLength takes a decimal number without leading zeros.
func parseLength(text string, most int) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && n <= most && strconv.Itoa(n) == text
}

// validDomainSpec checks domain-spec, RFC 7208 section 7.1: any macro-string
// that ends in a macro or in a dot and a top label.
func validDomainSpec(spec string) bool {
	endsInMacro, ok := scanMacros(spec)
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
		onlyDigits = onlyDigits && isDigit(label[i])
	}
	return !onlyDigits
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
