// Package dkim signs messages and verifies their signatures: DomainKeys
// Identified Mail, RFC 6376, with Ed25519 (RFC 8463) and without SHA-1 and
// short RSA keys (RFC 8301).
//
// The body is hashed while it streams by, once per canonicalization however
// many signatures there are. It signs relaxed/relaxed only. A signature that
// covers only the beginning of the body (l=) is never a pass: anybody could
// have added the rest.
//
// It knows nothing of policy (package dmarc) and keeps no keys.
package dkim
