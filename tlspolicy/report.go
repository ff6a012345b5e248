package tlspolicy

import (
	"net/netip"
	"time"
)

// Report is what one organisation saw of TLS to a domain in a day, RFC 8460
// section 4.
type Report struct {
	Organization string    // who reports: "Company-X"
	Contact      string    // an address of theirs, empty: not told
	ID           string    // as the reporter numbers it
	Begin, End   time.Time // of the time that it covers, UTC
	Policies     []PolicyReport
}

// PolicyReport is what a report says about one policy.
type PolicyReport struct {
	Type      PolicyType
	Strings   []string // the policy as it was applied: lines of MTA-STS, TLSA records; none: not told
	Domain    string   // in lower case, whose policy it is
	MXHosts   []string // the names or patterns that an MTA-STS policy permits; of "tlsa": the host
	Successes int      // sessions
	Failures  int      // sessions
	Details   []FailureDetail
}

// FailureDetail counts the sessions that failed in the same way.
type FailureDetail struct {
	Type          ResultType
	SendingIP     netip.Addr // of who reports; not valid: not told
	ReceivingMX   string     // host, empty: not told
	ReceivingHELO string     // what it called itself, empty: not told
	ReceivingIP   netip.Addr // not valid: not told
	Sessions      int
	MoreInfo      string // a URI or a text, empty: none
	ReasonCode    string // such as "X509_V_ERR_CERT_HAS_EXPIRED", empty: none
}

// PolicyType says what kind of policy was applied, RFC 8460 section 4.4.
type PolicyType string

// The types of policies.
const (
	PolicyTLSA PolicyType = "tlsa" // DANE
	PolicySTS  PolicyType = "sts"
	PolicyNone PolicyType = "no-policy-found"
)

// ResultType says how a session failed, RFC 8460 section 4.3. Reporters also
// write others.
type ResultType string

// The types of failures.
const (
	STARTTLSNotSupported    ResultType = "starttls-not-supported"
	CertificateHostMismatch ResultType = "certificate-host-mismatch"
	CertificateExpired      ResultType = "certificate-expired"
	CertificateNotTrusted   ResultType = "certificate-not-trusted"
	ValidationFailure       ResultType = "validation-failure" // any other of TLS

	TLSAInvalid   ResultType = "tlsa-invalid"   // none of the TLSA records can be used
	DNSSECInvalid ResultType = "dnssec-invalid" // no recursive resolver returned a valid answer
	DANERequired  ResultType = "dane-required"  // we insist on DANE, and there is none

	STSPolicyFetchError ResultType = "sts-policy-fetch-error"
	STSPolicyInvalid    ResultType = "sts-policy-invalid"
	STSWebPKIInvalid    ResultType = "sts-webpki-invalid" // of the policy's host
)
