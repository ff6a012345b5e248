package dnsplan

// Record is one DNS record that a domain needs, and why.
type Record struct {
	Name        string      `json:"name"`     // fully qualified, without the trailing dot: "_dmarc.example.com"
	Type        string      `json:"type"`     // "A", "TXT", ...
	TTL         int         `json:"ttl"`      // seconds
	Value       string      `json:"value"`    // TXT joined and unquoted, MX the host alone, the rest in presentation form; host names end with a dot
	Priority    *int        `json:"priority"` // of an MX, nil for every other type
	Purpose     Purpose     `json:"purpose"`
	Requirement Requirement `json:"requirement"`
	Why         string      `json:"why"` // a sentence: what the record does, and what is lost without it
	SetAt       SetAt       `json:"set_at"`
}

// Purpose is what a record is for.
type Purpose string

// The purposes.
const (
	Address     Purpose = "address"      // A, AAAA
	Receive     Purpose = "mx"           // MX
	SPF         Purpose = "spf"          // of the domain
	HeloSPF     Purpose = "helo_spf"     // of the mail host's own name
	DKIM        Purpose = "dkim"         // a public key
	DMARC       Purpose = "dmarc"        // the policy
	DMARCReport Purpose = "dmarc_report" // lets reports go to another domain
	CAA         Purpose = "caa"          // who may issue certificates
	Reverse     Purpose = "ptr"          // from the address back to the name
	MTASTS      Purpose = "mta_sts"      // the policy's announcement
	MTASTSHost  Purpose = "mta_sts_host" // where the policy is served
	TLSRPT      Purpose = "tls_rpt"      // where TLS reports go
	TLSA        Purpose = "tlsa"         // the mail host's keys, for DANE
	ClientSetup Purpose = "client"       // mail programs find the server
)

// Requirement is how much a record matters.
type Requirement string

// The requirements. A domain is ready when every required record is right.
const (
	Required      Requirement = "required"
	Recommended   Requirement = "recommended"
	Optional      Requirement = "optional"
	NotApplicable Requirement = "not_applicable" // Why holds the reason; not exported, not published
)

// SetAt is where a record is set.
type SetAt string

// The places.
const (
	DNSProvider     SetAt = "dns provider"     // where the zone is edited
	HostingProvider SetAt = "hosting provider" // who owns the address
	Registrar       SetAt = "registrar"        // who registered the domain
)
