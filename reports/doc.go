// Package reports keeps what others report about the hosted domains: DMARC
// aggregate reports (RFC 9990) and TLS reports (RFC 8460), as rows and as the
// evidence on which the policy ladder stands, with the history of the steps
// that were taken on it.
//
// It does not read reports out of messages: what it is given is taken to be
// authentic and about a hosted domain.
package reports
