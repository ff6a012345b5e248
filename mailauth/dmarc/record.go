package dmarc

import (
	"net/url"
	"strconv"
	"strings"

	"gomail"
)

// Policy is what a domain's owner asks for messages that fail.
type Policy string

// The policies, RFC 9989 section 4.7. The zero value means that the tag is
// absent.
const (
	None       Policy = "none"
	Quarantine Policy = "quarantine"
	Reject     Policy = "reject"
)

// severity orders policies.
func (p Policy) severity() int {
	switch p {
	case Quarantine:
		return 1
	case Reject:
		return 2
	}
	return 0
}

// eased returns the policy one level below, which is what a domain in test
// mode expects.
func (p Policy) eased() Policy {
	if p == Reject {
		return Quarantine
	}
	return None
}

// Record is a DMARC policy record with its defaults filled in.
type Record struct {
	Policy            Policy // p, None when absent
	SubdomainPolicy   Policy // sp, empty when absent
	NonexistentPolicy Policy // np, empty when absent
	StrictDKIM        bool   // adkim=s
	StrictSPF         bool   // aspf=s
	Testing           bool   // t=y, or pct=0 without t
	PSD               string // psd: "y", "n", or "u" (default)
	Percent           int    // pct, 100 when absent
	RUA               []string
	RUF               []string
	FailureOptions    []string // fo, ["0"] when absent
}

// Limits: records are strangers' bytes.
const (
	maxRecord = 8 << 10
	maxTags   = 64
	maxURIs   = 32
)

// IsRecord reports whether a TXT record is a DMARC record: its first tag is
// v, in either case, with the exact value DMARC1 (RFC 9989 section 4.8).
func IsRecord(text string) bool {
	first, _, _ := strings.Cut(text, ";")
	name, value, ok := strings.Cut(first, "=")
	return ok && strings.EqualFold(trim(name), "v") && trim(value) == "DMARC1"
}

// Parse reads a record as RFC 9989 section 4.7 has it: unknown tags and
// values count for nothing. A record whose policy makes no sense asks for
// nothing where it at least wants reports (section 4.10.1); otherwise it is
// an Invalid error, as is anything that is no DMARC record.
func Parse(text string) (Record, error) {
	if !IsRecord(text) {
		return Record{}, gomail.Errorf(gomail.Invalid, "the text is no DMARC record: it does not begin with v=DMARC1")
	}
	if len(text) > maxRecord {
		return Record{}, gomail.Errorf(gomail.Invalid, "the DMARC record is longer than %d octets", maxRecord)
	}
	r := Record{Policy: None, PSD: "u", Percent: 100, FailureOptions: []string{"0"}}
	var bad, hasTest bool
	seen := 0
	for part := range strings.SplitSeq(text, ";") {
		if seen++; seen > maxTags {
			break
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		name, value = strings.ToLower(trim(name)), trim(value)
		bad = !r.set(name, value) || bad
		hasTest = hasTest || name == "t"
	}
	if r.Percent == 0 && !hasTest {
		r.Testing = true
	}
	if !bad {
		return r, nil
	}
	if len(r.RUA) == 0 {
		return Record{}, gomail.Errorf(gomail.Invalid, "the DMARC record names an unknown policy")
	}
	r.Policy, r.SubdomainPolicy, r.NonexistentPolicy = None, "", ""
	return r, nil
}

// set takes one tag; false means that a policy makes no sense.
func (r *Record) set(name, value string) bool {
	lower := strings.ToLower(value)
	switch name {
	case "p":
		return setPolicy(&r.Policy, lower)
	case "sp":
		return setPolicy(&r.SubdomainPolicy, lower)
	case "np":
		return setPolicy(&r.NonexistentPolicy, lower)
	case "adkim":
		r.StrictDKIM = lower == "s"
	case "aspf":
		r.StrictSPF = lower == "s"
	case "t":
		r.Testing = lower == "y"
	case "psd":
		if lower == "y" || lower == "n" {
			r.PSD = lower
		}
	case "pct":
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= 100 {
			r.Percent = n
		}
	case "rua":
		r.RUA = uris(value)
	case "ruf":
		r.RUF = uris(value)
	case "fo":
		r.setFailureOptions(lower)
	}
	return true
}

func setPolicy(p *Policy, value string) bool {
	switch policy := Policy(value); policy {
	case None, Quarantine, Reject:
		*p = policy
		return true
	}
	return false
}

func (r *Record) setFailureOptions(value string) {
	var options []string
	for option := range strings.SplitSeq(value, ":") {
		switch option = trim(option); option {
		case "0", "1", "d", "s":
			options = append(options, option)
		}
	}
	if len(options) > 0 && len(options) <= 4 {
		r.FailureOptions = options
	}
}

// uris reads a list of reporting URIs. The size limit of RFC 7489
// ("!10m") is taken off.
func uris(value string) []string {
	var list []string
	for text := range strings.SplitSeq(value, ",") {
		text, _, _ = strings.Cut(trim(text), "!")
		if u, err := url.Parse(text); err == nil && u.Scheme != "" && len(list) < maxURIs {
			list = append(list, text)
		}
	}
	return list
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }
