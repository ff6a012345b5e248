package ladder

import (
	"time"

	"gomail/dnsplan"
)

// Evidence is what others reported about a domain, and how its DNS was last
// seen.
type Evidence struct {
	Since   time.Time      `json:"since"`    // the oldest report considered
	Sources []Source       `json:"sources"`  // who sent mail as the domain, as DMARC reports tell
	TLS     []TLSDay       `json:"tls"`      // how TLS worked, as TLS reports tell; a day each, oldest first
	Records Records        `json:"records"`  // how they were last seen
	DNSSEC  dnsplan.DNSSEC `json:"dnssec"`   // of the mail host's zone
	NextKey bool           `json:"next_key"` // the key of the mail host's next certificate is known already
}

// Source is somebody who sends mail in the domain's name: a service, or the
// servers of one network.
type Source struct {
	ID        string    `json:"id"`        // the service, else the network: "sendgrid.net", "192.0.2.0/24"
	Service   string    `json:"service"`   // the domain as which it authenticated itself, "sendgrid.net"; empty: none but, perhaps, ours
	Addresses []string  `json:"addresses"` // some of those it sends from
	Selectors []string  `json:"selectors"` // of the signatures that count as the domain's
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Disowned  bool      `json:"disowned"` // the owner said: this is not mine
	Days      []Count   `json:"days"`     // oldest first
}

// Others is the ID of the source that stands for all that are too many to be
// told apart.
const Others = "others"

// Count is what one source sent on one day.
type Count struct {
	Day      time.Time `json:"day"` // midnight UTC
	Messages int       `json:"messages"`
	SPF      int       `json:"spf"`      // of these: SPF passed for the domain
	DKIM     int       `json:"dkim"`     // a signature passed for the domain
	Aligned  int       `json:"aligned"`  // either did, so that DMARC passed
	Unlisted int       `json:"unlisted"` // signed, with a return address of the domain, from a server that SPF does not list
	Bare     int       `json:"bare"`     // the same, and not signed either
}

// TLSDay is how TLS worked on one day for servers that report it.
type TLSDay struct {
	Day       time.Time      `json:"day"` // midnight UTC
	Successes int            `json:"successes"`
	Failures  int            `json:"failures"`
	Types     map[string]int `json:"types"` // failures by result type, RFC 8460 section 4.3: "certificate-expired" → 3
}

// Records says which records were last seen as they should be.
type Records struct {
	SPF    bool `json:"spf"`
	DMARC  bool `json:"dmarc"`
	MTASTS bool `json:"mta_sts"` // the record, the host and the policy
	TLSA   bool `json:"tlsa"`    // published, and right
}

// Add sums counts; the day stays.
func (c *Count) Add(o Count) {
	c.Messages += o.Messages
	c.SPF += o.SPF
	c.DKIM += o.DKIM
	c.Aligned += o.Aligned
	c.Unlisted += o.Unlisted
	c.Bare += o.Bare
}
