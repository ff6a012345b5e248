// Package domains knows the hosted domains: their settings, their addresses
// and aliases, to whom mail for an address goes, who may send as whom, and
// their DKIM keys (RFC 6376, RFC 8463), private halves sealed at rest.
package domains
