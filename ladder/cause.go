package ladder

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Cause is why TLS failed.
type Cause struct {
	Type     string `json:"type"` // as reported: "certificate-expired"
	Text     string `json:"text"` // a phrase for people
	Failures int    `json:"failures"`
}

// causes adds up why TLS failed on the days of a window.
func (in Input) causes(w window) []Cause {
	failures := map[string]int{}
	for _, d := range in.Evidence.TLS {
		if !w.holds(d.Day) {
			continue
		}
		for kind, n := range d.Types {
			failures[kind] += n
		}
	}
	return Causes(failures)
}

// Causes says why TLS failed, the most frequent cause first, of failures by
// result type.
func Causes(failures map[string]int) []Cause {
	var all []Cause
	for _, kind := range slices.Sorted(maps.Keys(failures)) {
		if failures[kind] > 0 {
			all = append(all, Cause{kind, causeText(kind), failures[kind]})
		}
	}
	slices.SortStableFunc(all, func(a, b Cause) int { return cmp.Compare(b.Failures, a.Failures) })
	return all
}

// why puts causes into a phrase.
func why(causes []Cause) string {
	var texts []string
	for _, c := range causes {
		texts = append(texts, c.Text)
	}
	if len(texts) == 0 {
		return "the reports do not say why"
	}
	return strings.Join(texts, "; ")
}

// causeText says what a result type means, RFC 8460 section 4.3. A type that
// is not known is a stranger's text, and not repeated.
func causeText(kind string) string {
	switch kind {
	case "starttls-not-supported":
		return "the server did not offer TLS"
	case "certificate-host-mismatch":
		return "the certificate is for another name"
	case "certificate-expired":
		return "the certificate had expired"
	case "certificate-not-trusted":
		return "the certificate is from an authority that is not trusted"
	case "validation-failure":
		return "the certificate could not be verified"
	case "tlsa-invalid":
		return "the TLSA records do not match the certificate's key"
	case "dnssec-invalid":
		return "the DNSSEC signatures did not verify"
	case "dane-required":
		return "the sender insists on TLSA records and found none"
	case "sts-policy-fetch-error":
		return "the MTA-STS policy could not be fetched"
	case "sts-policy-invalid":
		return "the MTA-STS policy could not be read"
	case "sts-webpki-invalid":
		return "the certificate of the MTA-STS host could not be verified"
	}
	return "for another reason"
}
