package aggregate

import (
	"net/netip"
	"time"
)

// Report is one aggregate report. Texts are the reporter's own, unless it
// says otherwise.
type Report struct {
	Org          string // who reports: "google.com"
	Email        string // to ask the reporter
	ExtraContact string
	ID           string // as the reporter numbers it
	Begin        time.Time
	End          time.Time
	Errors       []string // that the reporter met
	Generator    string
	Policy       Policy
	Records      []Record
	// PassedOver counts the records that were left out because they have no
	// source or count.
	PassedOver int
}

// Policy is the record that the reporter went by.
type Policy struct {
	Domain    string // where the record stands; lower case, no dot at its end
	P         string // "none", "quarantine", "reject"
	SP        string
	NP        string
	ADKIM     string // "r", "s"
	ASPF      string
	FO        string
	Testing   string // t=: "y", "n"
	Discovery string // "treewalk", "psl"
}

// Record is what became of the messages that had all this in common.
type Record struct {
	Source       netip.Addr
	Count        int    // of messages, 1 or more
	Disposition  string // "none", "pass", "quarantine", "reject"; lower case
	DKIM         bool   // a signature passed and is aligned with HeaderFrom
	SPF          bool   // SPF passed and is aligned with HeaderFrom
	Reasons      []Reason
	HeaderFrom   string // the author domain; lower case, no dot at its end
	EnvelopeFrom string // the return address's domain; empty: null, or not told
	EnvelopeTo   string
	Signatures   []Signature
	SPFChecks    []SPFCheck
}

// Reason is why something else was done than the policy asks for.
type Reason struct {
	Type    string // "local_policy", "mailing_list", "trusted_forwarder", "policy_test_mode", "other"
	Comment string
}

// Signature is the result of one DKIM signature.
type Signature struct {
	Domain   string // d=
	Selector string // s=; empty: not told
	Result   string // "pass", "fail", ...; lower case
}

// SPFCheck is the result of one SPF check.
type SPFCheck struct {
	Domain string
	Scope  string // "mfrom" or "helo"; empty: not told
	Result string // lower case
}
