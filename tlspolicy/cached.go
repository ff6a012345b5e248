package tlspolicy

import "time"

// CachedPolicy is an MTA-STS policy as it was fetched for a domain. It is in
// force until it expires, whatever becomes of the record and of the policy's
// host meanwhile (RFC 8461 section 5.1).
type CachedPolicy struct {
	Domain  string // in lower case
	ID      string // that was announced when it was fetched
	Text    []byte // as it was served
	Fetched time.Time
	Expires time.Time
}
