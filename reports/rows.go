package reports

import (
	"net/netip"
	"time"
)

// DMARCReport is one aggregate report, RFC 9990 section 3.
type DMARCReport struct {
	Domain string    // whose policy it is about, canonical
	Org    string    // who reports: "google.com"
	ID     string    // as the reporter numbers it
	Begin  time.Time // of the time that it covers
	End    time.Time
	Rows   []DMARCRow
}

// DMARCRow is what one report says about one source.
type DMARCRow struct {
	Source       netip.Addr
	Count        int    // of messages
	Disposition  string // "none", "quarantine", "reject"
	DKIM         bool   // a signature passed and is aligned with HeaderFrom
	SPF          bool   // SPF passed and is aligned with HeaderFrom
	HeaderFrom   string // the author domain
	EnvelopeFrom string // the return address's domain; empty: null, or not told
	Signatures   []Signature
	SPFChecks    []SPFCheck
}

// Reporter is somebody who reports about a domain.
type Reporter struct {
	Org      string
	Reports  int
	Messages int       // that its reports are about
	Last     time.Time // the end of its newest report
}

// Signature is one DKIM result of a row.
type Signature struct {
	Domain   string `json:"d"` // d=
	Selector string `json:"s"` // s=; empty: not told
	Result   string `json:"r"` // "pass", "fail", ...
}

// SPFCheck is one SPF result of a row.
type SPFCheck struct {
	Domain string `json:"d"`
	Scope  string `json:"c"` // "mfrom" or "helo"; empty: not told
	Result string `json:"r"`
}

// TLSReport is one report on TLS, RFC 8460 section 4.
type TLSReport struct {
	Org   string
	ID    string
	Begin time.Time
	End   time.Time
	Rows  []TLSRow
}

// TLSRow is what a report says about one domain under one policy.
type TLSRow struct {
	Domain     string         // canonical
	Day        time.Time      // midnight UTC
	PolicyType string         // "sts", "tlsa", "no-policy-found"
	Successes  int            // sessions
	Failures   int            // sessions
	Types      map[string]int // failures by result type: "certificate-expired" → 3
	Hosts      map[string]int // failures by the host of ours that was connected to; empty: not told
}
