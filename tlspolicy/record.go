package tlspolicy

import (
	"net/url"
	"strings"

	"gomail"
)

// maxTargets bounds how many places a record may name for reports.
const maxTargets = 10

// ParseTLSRPTRecord reads a TXT record of _smtp._tls, RFC 8460 section 3:
// "v=TLSRPTv1; rua=mailto:tls@example.com,https://example.com/report". rua are
// the mailto: and https: URIs, in their order and at most 10; those of other
// schemes are passed over. A text that is no such record, or names no place
// that can be used, is Invalid.
func ParseTLSRPTRecord(txt string) (rua []string, err error) {
	fields, ok := recordFields(txt, "TLSRPTv1")
	if !ok {
		return nil, gomail.Errorf(gomail.Invalid, "%.100q is no TLSRPT record", txt)
	}
	value, ok := fields["rua"]
	if !ok {
		return nil, gomail.Errorf(gomail.Invalid, "the TLSRPT record does not say where reports go (rua)")
	}
	for uri := range strings.SplitSeq(value, ",") {
		if uri = strings.TrimSpace(uri); len(rua) < maxTargets && isTarget(uri) {
			rua = append(rua, uri)
		}
	}
	if len(rua) == 0 {
		return nil, gomail.Errorf(gomail.Invalid, "the TLSRPT record names no address and no https: URI for reports: %.200q", value)
	}
	return rua, nil
}

// TLSRPTTargets returns the places that a name's TXT records name for reports.
// NotFound: there is no TLSRPT record, or, which counts the same, several (RFC
// 8460 section 3).
func TLSRPTTargets(txts []string) ([]string, error) {
	txt, ok := onlyRecord(txts, "TLSRPTv1")
	if !ok {
		return nil, gomail.Errorf(gomail.NotFound, "there is no TLSRPT record, or there are several")
	}
	return ParseTLSRPTRecord(txt)
}

// isTarget reports whether a URI is one that reports can be sent to.
func isTarget(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > 1000 {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "https":
		return u.Hostname() != "" && u.User == nil
	case "mailto":
		_, err := gomail.ParseAddress(mailtoAddress(u))
		return err == nil
	}
	return false
}

// MailtoAddress returns the address of a mailto: URI (RFC 6068); what may
// follow it, such as a subject, is not heeded.
func MailtoAddress(uri string) (gomail.Address, error) {
	u, err := url.Parse(uri)
	if err != nil || !strings.EqualFold(u.Scheme, "mailto") {
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "%.200q is no mailto: URI", uri)
	}
	return gomail.ParseAddress(mailtoAddress(u))
}

func mailtoAddress(u *url.URL) string {
	address, err := url.PathUnescape(u.Opaque)
	if err != nil {
		return ""
	}
	return address
}

// onlyRecord returns the one text that is a record of a version; with none or
// several there is none.
func onlyRecord(txts []string, version string) (string, bool) {
	found, n := "", 0
	for _, txt := range txts {
		if isRecord(txt, version) {
			found = txt
			n++
		}
	}
	return found, n == 1
}

// isRecord reports whether a text begins as a record of a version does: the
// version is told apart from longer ones, such as STSv10.
func isRecord(txt, version string) bool {
	rest, ok := strings.CutPrefix(txt, "v="+version)
	rest = strings.TrimLeft(rest, " \t")
	return ok && (rest == "" || rest[0] == ';')
}

// recordFields reads the fields that follow the version. Of one that is given
// twice the first counts.
func recordFields(txt, version string) (map[string]string, bool) {
	if !isRecord(txt, version) {
		return nil, false
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(txt, ";") {
		key, value, ok := strings.Cut(strings.Trim(field, " \t"), "=")
		if _, twice := fields[key]; ok && !twice {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields, true
}
