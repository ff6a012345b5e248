package dnsplan

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"gomail"
)

// dmarc says what others do with mail that is not ours, RFC 9989 section 4,
// and lets reports go to other domains, RFC 9990 section 4.
func (p *planner) dmarc() []Record {
	s := p.domain.Settings.DMARC
	if len(s.RUA) == 0 {
		s.RUA = []string{p.postmaster()}
	}
	return append([]Record{{
		Name: "_dmarc." + p.domain.Name, Type: "TXT", Value: dmarcValue(s), Purpose: DMARC, Requirement: Recommended,
		Why: "Tells receivers what to do with mail that claims to be from " + p.domain.Name + " and is neither signed nor sent by its servers, and where to report it. Large mailbox providers ask for it.",
	}}, p.reportRecords(slices.Concat(s.RUA, s.RUF))...)
}

func dmarcValue(s gomail.DMARCSettings) string {
	policy := s.Policy
	if policy == "" {
		policy = "none"
	}
	value := "v=DMARC1; p=" + policy
	for _, tag := range []struct{ name, value string }{
		{"sp", s.SubdomainPolicy}, {"np", s.NonexistentPolicy}, {"rua", reportURIs(s.RUA)}, {"ruf", reportURIs(s.RUF)},
		{"adkim", s.ADKIM}, {"aspf", s.ASPF}, {"fo", s.FO}, {"t", s.Testing},
	} {
		if tag.value != "" {
			value += "; " + tag.name + "=" + tag.value
		}
	}
	return value
}

// ReportAddresses returns the mail addresses to which a domain's records ask
// others to report: on DMARC (aggregate reports) and on TLS.
func ReportAddresses(d gomail.Domain) (dmarc, tls []gomail.Address) {
	p := planner{domain: Domain{Domain: d}}
	read := func(targets []string) (addresses []gomail.Address) {
		if len(targets) == 0 {
			targets = []string{p.postmaster()}
		}
		for _, t := range targets {
			if a, err := reportAddress(t); err == nil {
				addresses = append(addresses, a.Canonical())
			}
		}
		return addresses
	}
	dmarc = read(d.Settings.DMARC.RUA)
	if !d.Settings.TLSRPT.Off {
		tls = read(d.Settings.TLSRPT.RUA)
	}
	return dmarc, tls
}

// reportRecords are the consents of other domains to receive our reports.
// Without them receivers send no reports there.
func (p *planner) reportRecords(targets []string) []Record {
	var records []Record
	for _, t := range targets {
		address, err := reportAddress(t)
		if err != nil || Organisation(address.Domain) == Organisation(p.domain.Name) {
			continue
		}
		records = append(records, Record{
			Name: p.domain.Name + "._report._dmarc." + address.Domain, Type: "TXT", Value: "v=DMARC1;", Purpose: DMARCReport, Requirement: Recommended,
			Why: "Lets reports about " + p.domain.Name + " go to " + address.String() + ". It is set in the zone of " + address.Domain + "; without it none are sent there.",
		})
	}
	return records
}

// Organisation returns the domain that was registered, in lower case, as far as
// the public suffix list knows.
func Organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// reportURIs joins report addresses as DMARC and TLSRPT records want them.
func reportURIs(targets []string) string {
	uris := make([]string, len(targets))
	for i, t := range targets {
		uris[i] = reportURI(t)
	}
	return strings.Join(uris, ",")
}

// reportURI makes a URI of an address; what is one already stays. What
// separates URIs and their size limits must not stand in one.
func reportURI(target string) string {
	if hasScheme(target, "mailto:") || hasScheme(target, "https:") {
		return target
	}
	address, err := gomail.ParseAddress(target)
	if err != nil {
		return "mailto:" + url.PathEscape(target)
	}
	return "mailto:" + url.PathEscape(address.Local) + "@" + address.Domain
}

func hasScheme(s, scheme string) bool {
	return len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme)
}

// reportAddress reads "anna@example.com" or "mailto:anna@example.com!10m".
func reportAddress(target string) (gomail.Address, error) {
	if !hasScheme(target, "mailto:") {
		return gomail.ParseAddress(target)
	}
	rest, size, limited := strings.Cut(target[len("mailto:"):], "!")
	digits := strings.TrimRight(strings.ToLower(size), "kmgt")
	if limited && (digits == "" || strings.Trim(digits, "0123456789") != "" || len(size)-len(digits) > 1) {
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "the size limit of the report address %q is not valid: write it as !10m", target)
	}
	plain, err := url.PathUnescape(rest)
	if err != nil || strings.ContainsAny(rest, ",; \"\\") {
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "the report address %q is not a valid mailto: address", target)
	}
	return gomail.ParseAddress(plain)
}

// validDMARC checks the tags' values.
func validDMARC(s gomail.DMARCSettings) error {
	policies := []string{"", "none", "quarantine", "reject"}
	for _, check := range []struct {
		what, value string
		allowed     []string
	}{
		{"the DMARC policy p", s.Policy, policies},
		{"the DMARC subdomain policy sp", s.SubdomainPolicy, policies},
		{"the DMARC policy np", s.NonexistentPolicy, policies},
		{"the DMARC alignment adkim", s.ADKIM, []string{"", "r", "s"}},
		{"the DMARC alignment aspf", s.ASPF, []string{"", "r", "s"}},
		{"the DMARC test mode t", s.Testing, []string{"", "y", "n"}},
	} {
		if err := oneOf(check.what, check.value, check.allowed...); err != nil {
			return err
		}
	}
	if err := validFO(s.FO); err != nil {
		return err
	}
	return validDMARCReports(slices.Concat(s.RUA, s.RUF))
}

func validFO(fo string) error {
	if fo == "" {
		return nil
	}
	for option := range strings.SplitSeq(fo, ":") {
		if err := oneOf("each option of the DMARC tag fo", option, "0", "1", "d", "s"); err != nil {
			return err
		}
	}
	if len(fo) > len("0:1:d:s") {
		return gomail.Errorf(gomail.Invalid, "the DMARC tag fo %q names an option twice", fo)
	}
	return nil
}

func validDMARCReports(targets []string) error {
	if len(targets) > maxReports {
		return gomail.Errorf(gomail.TooMany, "there are more than %d report addresses", maxReports)
	}
	for _, t := range targets {
		if err := validReportAddress(t); err != nil {
			return err
		}
	}
	return nil
}

func validReportAddress(target string) error {
	address, err := reportAddress(target)
	if err == nil && (!address.IsASCII() || hasScheme(target, "mailto:") && !printable(target)) {
		err = gomail.Errorf(gomail.Invalid, "the report address %q is not ASCII, as reporters need it", target)
	}
	if err == nil && (address.String() != address.Local+"@"+address.Domain || strings.HasPrefix(address.Domain, "[")) {
		err = gomail.Errorf(gomail.Invalid, "the report address %q is too unusual for a DNS record: use one without quotes and brackets", target)
	}
	return err
}
