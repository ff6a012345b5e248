package gomail

import "time"

// DomainID identifies a hosted domain.
type DomainID int64

// Domain is a hosted domain: a name whose mail GoMail receives and sends, and
// what its owner has decided about it. Example: example.com with the DMARC
// policy "none".
type Domain struct {
	ID       DomainID
	Name     string // canonical, see CanonicalDomain
	Disabled bool   // mail for it is refused, nothing is sent from it
	Settings DomainSettings
	Created  time.Time
}

// DomainSettings are the owner's choices from which the DNS plan is made. The
// zero value, completed by WithDefaults, is what a new domain starts with.
type DomainSettings struct {
	CatchAll string `json:"catch_all,omitempty"` // address that takes mail for unknown local parts; empty: refused

	Greylist string `json:"greylist,omitempty"` // who has to come back before mail is taken: "off", "suspicious", "all"; empty: as the server has it

	Parked      bool `json:"parked,omitempty"`       // the domain has no mail: null MX, v=spf1 -all
	ApexAddress bool `json:"apex_address,omitempty"` // A and AAAA of the mail host at the domain's own name too

	SPF    SPFSettings    `json:"spf,omitempty"`
	DMARC  DMARCSettings  `json:"dmarc,omitempty"`
	MTASTS MTASTSSettings `json:"mta_sts,omitempty"`
	TLSRPT TLSRPTSettings `json:"tls_rpt,omitempty"`
	CAA    CAASettings    `json:"caa,omitempty"`
	DKIM   DKIMSettings   `json:"dkim,omitempty"`
	TLSA   TLSASettings   `json:"tlsa,omitempty"`

	Publishing PublishingSettings `json:"publishing,omitempty"`

	TTL int `json:"ttl,omitempty"` // of every record, in seconds; 0: 3600
}

// SPFSettings make the domain's SPF record, RFC 7208.
type SPFSettings struct {
	Mechanisms []string `json:"mechanisms,omitempty"` // placed between mx and all: "include:_spf.example.net", "ip4:192.0.2.0/24"
	All        string   `json:"all,omitempty"`        // "~all" (default) or "-all"
}

// DMARCSettings make the domain's DMARC record, RFC 9989. An empty value
// leaves the tag out.
type DMARCSettings struct {
	Policy            string   `json:"p,omitempty"`  // none (default), quarantine, reject
	SubdomainPolicy   string   `json:"sp,omitempty"` // none, quarantine, reject
	NonexistentPolicy string   `json:"np,omitempty"` // none, quarantine, reject
	RUA               []string `json:"rua,omitempty"`
	RUF               []string `json:"ruf,omitempty"`
	ADKIM             string   `json:"adkim,omitempty"` // r, s
	ASPF              string   `json:"aspf,omitempty"`  // r, s
	FO                string   `json:"fo,omitempty"`    // 0, 1, d, s, joined by ":"
	Testing           string   `json:"t,omitempty"`     // y, n
}

// MTASTSSettings make the domain's MTA-STS policy, RFC 8461.
type MTASTSSettings struct {
	Mode     string `json:"mode,omitempty"`      // testing (default), enforce, none
	MaxAge   int    `json:"max_age,omitempty"`   // seconds; 0: 604800
	PolicyID string `json:"policy_id,omitempty"` // empty: derived from the policy's content
	Off      bool   `json:"off,omitempty"`       // no policy at all
}

// TLSRPTSettings make the domain's TLS reporting record, RFC 8460.
type TLSRPTSettings struct {
	RUA []string `json:"rua,omitempty"` // mailto: or https: URIs, or bare addresses
	Off bool     `json:"off,omitempty"`
}

// CAASettings make the domain's CAA records, RFC 8659.
type CAASettings struct {
	Issuers    []string `json:"issuers,omitempty"`     // empty: the configured ACME authority
	NoWildcard bool     `json:"no_wildcard,omitempty"` // adds issuewild ";"
}

// TLSASettings say whether the domain's plan holds the mail host's keys, RFC
// 7672.
type TLSASettings struct {
	Off bool `json:"off,omitempty"`
}

// DKIMSettings say how the domain's keys are made and replaced.
type DKIMSettings struct {
	Algorithm string `json:"algorithm,omitempty"`  // of new keys: "ed25519", "rsa" or "both"; empty: the configured one
	Selector  string `json:"selector,omitempty"`   // new keys get it with the month: mail-202611; empty: the configured one
	RenewDays int    `json:"renew_days,omitempty"` // the age at which a key is replaced by itself; 0: 365, -1: never
}

// PublishingSettings say whether and where the plan is published.
type PublishingSettings struct {
	Connection string `json:"connection,omitempty"`   // the name of the provider connection; empty: the owner publishes by hand
	KeepInSync bool   `json:"keep_in_sync,omitempty"` // what was changed or lost at the provider is put right without asking
}

// DKIMKeyState is where a DKIM key stands in its life.
type DKIMKeyState string

// The life of a DKIM key, in order. Every key that is not revoked or removed
// is in the DNS plan; only active keys sign.
const (
	DKIMPending  DKIMKeyState = "pending"  // made, not yet seen in DNS
	DKIMActive   DKIMKeyState = "active"   // signs
	DKIMRetiring DKIMKeyState = "retiring" // no longer signs, still published
	DKIMRevoked  DKIMKeyState = "revoked"  // published as "p="
)

// DKIMKey is one DKIM key of a domain, without its private half.
type DKIMKey struct {
	Domain    string // the signing domain, canonical
	Selector  string // "mail"
	Algorithm string // "ed25519" or "rsa"
	PublicKey []byte // the p= tag's bytes: RFC 8463 raw key, or PKIX for RSA
	State     DKIMKeyState
	Created   time.Time // the key generation date that the panel shows
	Since     time.Time // when it came into its state; of a pending key: when it was first seen in the DNS, Created until then
}
