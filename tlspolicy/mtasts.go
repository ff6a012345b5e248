package tlspolicy

import (
	"strconv"
	"strings"
	"time"

	"gomail"
)

// Limits of an MTA-STS policy that is read.
const (
	MaxPolicy = 64 << 10 // octets, RFC 8461 section 3.3 suggests it
	mostAge   = 31557600 // seconds, RFC 8461 section 3.2
	mostMX    = 200      // patterns
	mostID    = 32       // letters and digits, RFC 8461 section 3.1
)

// Mode is what an MTA-STS policy asks for, RFC 8461 section 5.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // mail must not go where the policy does not permit it
	Testing Mode = "testing" // it goes, and the failure is reported
	None    Mode = "none"    // as if there were no policy
)

// Policy is an MTA-STS policy, RFC 8461 section 3.2.
type Policy struct {
	Mode   Mode
	MaxAge time.Duration
	MX     []string // "mail.example.com", "*.example.net"; in lower case
}

// ParsePolicy reads a policy as it was fetched. Of a key that is given twice
// the first counts, except mx; keys that are not known are passed over.
// Invalid: it is no policy, or lacks what it must have.
func ParsePolicy(text []byte) (Policy, error) {
	if len(text) > MaxPolicy {
		return Policy{}, gomail.Errorf(gomail.TooLarge, "the policy is larger than %d octets", MaxPolicy)
	}
	p, first, err := policyFields(string(text))
	if err != nil {
		return Policy{}, err
	}
	switch {
	case first["version"] != "STSv1":
		return Policy{}, gomail.Errorf(gomail.Invalid, "it is no MTA-STS policy: its version is not STSv1")
	case p.Mode != Enforce && p.Mode != Testing && p.Mode != None:
		return Policy{}, gomail.Errorf(gomail.Invalid, "the policy's mode is %.40q, which is none of enforce, testing and none", string(p.Mode))
	case len(p.MX) == 0 && p.Mode != None:
		return Policy{}, gomail.Errorf(gomail.Invalid, "the policy names no MX")
	}
	return p, p.age(first["max_age"])
}

// policyFields reads the lines: "key: value" each.
func policyFields(text string) (p Policy, first map[string]string, err error) {
	first = map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		key, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); !ok {
			if line != "" {
				return p, nil, gomail.Errorf(gomail.Invalid, "a line of the policy is no key with a value: %.60q", line)
			}
			continue
		}
		if key == "mx" {
			pattern := strings.ToLower(strings.TrimSuffix(value, "."))
			if !isPattern(pattern) {
				return p, nil, gomail.Errorf(gomail.Invalid, "the policy names the MX %.80q, which is no host and no pattern", value)
			}
			if p.MX = append(p.MX, pattern); len(p.MX) > mostMX {
				return p, nil, gomail.Errorf(gomail.TooMany, "the policy names more than %d MX", mostMX)
			}
		}
		if _, twice := first[key]; !twice {
			first[key] = value
		}
	}
	p.Mode = Mode(first["mode"])
	return p, first, nil
}

// isPattern reports whether a text is a host, or *. and a domain.
func isPattern(s string) bool {
	canonical, err := gomail.CanonicalDomain(strings.TrimPrefix(s, "*."))
	return err == nil && canonical == strings.TrimPrefix(s, "*.")
}

func (p *Policy) age(text string) error {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 0 || len(text) > 10 {
		return gomail.Errorf(gomail.Invalid, "the policy's max_age is %.40q, which is no number of seconds", text)
	}
	p.MaxAge = time.Duration(min(seconds, mostAge)) * time.Second
	return nil
}

// Permits reports whether a host may take the mail: one of the patterns is its
// name, or has * for exactly the first label of it (RFC 8461 section 4.1).
func (p Policy) Permits(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, parent, _ := strings.Cut(host, ".")
	for _, pattern := range p.MX {
		if suffix, wild := strings.CutPrefix(pattern, "*."); pattern == host || wild && suffix == parent {
			return true
		}
	}
	return false
}

// Lines writes the policy as TLS reports quote it.
func (p Policy) Lines() []string {
	lines := []string{"version: STSv1", "mode: " + string(p.Mode), "max_age: " + strconv.Itoa(int(p.MaxAge/time.Second))}
	for _, mx := range p.MX {
		lines = append(lines, "mx: "+mx)
	}
	return lines
}

// STSRecordID returns the id of the policy that the TXT records of _mta-sts
// announce, RFC 8461 section 3.1. NotFound: none, or several records, which
// counts as none.
func STSRecordID(txts []string) (id string, err error) {
	txt, ok := onlyRecord(txts, "STSv1")
	if !ok {
		return "", gomail.Errorf(gomail.NotFound, "there is no MTA-STS record, or there are several")
	}
	fields, _ := recordFields(txt, "STSv1")
	id = fields["id"]
	if id == "" || len(id) > mostID || strings.ContainsFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}) {
		return "", gomail.Errorf(gomail.NotFound, "the MTA-STS record has no valid id: %.100q", txt)
	}
	return id, nil
}
