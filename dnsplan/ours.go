package dnsplan

import (
	"strings"

	"gomail/mailauth/spf"
)

// Ours reports whether a live value at the record's name and type is one that
// this record may replace. Every other value there belongs to somebody else
// and stays.
func (r Record) Ours(value string) bool {
	if r.Type != "TXT" {
		return strings.EqualFold(value, r.Value)
	}
	switch r.Purpose {
	case SPF, HeloSPF:
		return spf.IsRecord(value)
	case DKIM:
		return hasVersion(value, "DKIM1") || strings.HasPrefix(value, "k=") || strings.HasPrefix(value, "p=")
	case DMARC, DMARCReport:
		return hasVersion(value, "DMARC1")
	case MTASTS:
		return hasVersion(value, "STSv1")
	case TLSRPT:
		return hasVersion(value, "TLSRPTv1")
	}
	return value == r.Value
}

// hasVersion reports whether a tag list begins with v=version.
func hasVersion(value, version string) bool {
	first, _, _ := strings.Cut(value, ";")
	name, v, _ := strings.Cut(first, "=")
	return strings.TrimSpace(name) == "v" && strings.TrimSpace(v) == version
}
