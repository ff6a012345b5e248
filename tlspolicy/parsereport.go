package tlspolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"

	"gomail"
)

// Limits of a report that is read.
const (
	MaxReport   = 10 << 20 // octets of JSON
	maxPolicies = 1000
	maxDetails  = 10_000 // in all
	maxStrings  = 100    // of one policy
	maxText     = 1000   // octets of a text; the rest is cut
	maxSessions = 1_000_000_000
)

// The forms that are read: those of reportJSON where reporters keep to the
// RFC, and what they are known to write else. The long lists are arrays first:
// a list is looked through once more to see whether it is one.
type (
	readReport[P ~[]readPolicy[D], D ~[]readDetail] struct {
		Organization text      `json:"organization-name"`
		Range        readRange `json:"date-range"`
		Contact      text      `json:"contact-info"`
		ID           text      `json:"report-id"`
		Policies     P         `json:"policies"`
	}
	readRange struct {
		Begin text `json:"start-datetime"`
		End   text `json:"end-datetime"`
	}
	readPolicy[D ~[]readDetail] struct {
		Policy  readApplied `json:"policy"`
		Summary readSummary `json:"summary"`
		Details D           `json:"failure-details"`
	}
	readApplied struct {
		Type    text       `json:"policy-type"`
		Strings list[text] `json:"policy-string"`
		Domain  text       `json:"policy-domain"`
		MXHosts list[text] `json:"mx-host"`
	}
	readSummary struct {
		Successes  count `json:"total-successful-session-count"`
		Failures   count `json:"total-failure-session-count"`
		Failures2  count `json:"total-failed-session-count"` // seen in the wild
		Successes2 count `json:"total-success-session-count"`
	}
	readDetail struct {
		Type          text  `json:"result-type"`
		SendingIP     text  `json:"sending-mta-ip"`
		ReceivingMX   text  `json:"receiving-mx-hostname"`
		ReceivingHELO text  `json:"receiving-mx-helo"`
		ReceivingIP   text  `json:"receiving-ip"`
		Sessions      count `json:"failed-session-count"`
		MoreInfo      text  `json:"additional-information"`
		MoreInfoURI   text  `json:"additional-info-uri"` // the other name that the RFC gives it
		ReasonCode    text  `json:"failure-reason-code"`
	}
)

// ParseReport reads a report that has been unpacked. Reporters deviate from
// the RFC: a list may be a single value, a count a text, a time may lack its
// zone; keys that are not known are passed over. A report without an
// identity, times or policies is Invalid; one over the limits is TooLarge or
// TooMany.
func ParseReport(octets []byte) (Report, error) {
	if len(octets) > MaxReport {
		return Report{}, gomail.Errorf(gomail.TooLarge, "the TLS report is larger than %d octets", MaxReport)
	}
	octets = bytes.TrimPrefix(octets, []byte("\ufeff")) // a byte order mark
	var strict readReport[[]readPolicy[[]readDetail], []readDetail]
	err := json.Unmarshal(octets, &strict)
	if err == nil {
		return strict.report()
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		var odd readReport[list[readPolicy[list[readDetail]]], list[readDetail]]
		if err = json.Unmarshal(octets, &odd); err == nil {
			return odd.report()
		}
	}
	return Report{}, gomail.Errorf(gomail.Invalid, "the TLS report is not the JSON of RFC 8460: %w", err)
}

func (in readReport[P, D]) report() (Report, error) {
	r := Report{Organization: string(in.Organization), Contact: string(in.Contact), ID: string(in.ID)}
	var ok, okEnd bool
	r.Begin, ok = parseTime(string(in.Range.Begin))
	r.End, okEnd = parseTime(string(in.Range.End))
	switch {
	case r.ID == "" || r.Organization == "":
		return Report{}, gomail.Errorf(gomail.Invalid, "the TLS report does not say who it is from and which it is")
	case !ok || !okEnd || r.End.Before(r.Begin):
		return Report{}, gomail.Errorf(gomail.Invalid, "the TLS report does not say which time it covers")
	case len(in.Policies) == 0:
		return Report{}, gomail.Errorf(gomail.Invalid, "the TLS report holds no policies")
	}
	details := 0
	for _, p := range in.Policies {
		details += len(p.Details)
	}
	if len(in.Policies) > maxPolicies || details > maxDetails {
		return r, gomail.Errorf(gomail.TooMany, "the TLS report holds %d policies with %d kinds of failures, and at most %d and %d are read", len(in.Policies), details, maxPolicies, maxDetails)
	}
	for _, p := range in.Policies {
		out, err := p.report()
		if err != nil {
			return r, err
		}
		r.Policies = append(r.Policies, out)
	}
	return r, nil
}

func (p readPolicy[D]) report() (PolicyReport, error) {
	domain, err := gomail.CanonicalDomain(strings.TrimSuffix(string(p.Policy.Domain), "."))
	if err != nil {
		return PolicyReport{}, gomail.Errorf(gomail.Invalid, "the TLS report is about %.100q, which is no domain", string(p.Policy.Domain))
	}
	out := PolicyReport{
		Type: PolicyType(strings.ToLower(string(p.Policy.Type))), Domain: domain,
		Strings: policyLines(p.Policy.Strings), MXHosts: policyLines(p.Policy.MXHosts),
		Successes: int(max(p.Summary.Successes, p.Summary.Successes2)),
		Failures:  int(max(p.Summary.Failures, p.Summary.Failures2)),
	}
	for _, d := range p.Details {
		out.Details = append(out.Details, d.detail())
	}
	return out, nil
}

func (d readDetail) detail() FailureDetail {
	more := d.MoreInfo
	if more == "" {
		more = d.MoreInfoURI
	}
	return FailureDetail{
		Type: ResultType(strings.ToLower(string(d.Type))), SendingIP: address(d.SendingIP), ReceivingIP: address(d.ReceivingIP),
		ReceivingMX:   strings.ToLower(strings.TrimSuffix(string(d.ReceivingMX), ".")),
		ReceivingHELO: string(d.ReceivingHELO), Sessions: int(d.Sessions), MoreInfo: string(more), ReasonCode: string(d.ReasonCode),
	}
}

// address reads an address, which some write in brackets; what is none counts
// as not told.
func address(t text) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(string(t), "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.WithZone("").Unmap()
}

// policyLines returns the lines of a policy, also where they are one text.
func policyLines(all []text) []string {
	var lines []string
	for _, t := range all {
		for line := range strings.Lines(string(t)) {
			if line = strings.TrimSpace(line); line != "" && len(lines) < maxStrings {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// timeForms are how reporters write times.
var timeForms = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", time.DateOnly}

func parseTime(s string) (time.Time, bool) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), t.Year() >= 1970 && t.Year() <= 9999
		}
	}
	return time.Time{}, false
}
