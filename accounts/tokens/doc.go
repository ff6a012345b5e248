// Package tokens finds out whose a bearer token is. Tokens are JSON Web Tokens
// that an issuer of OAuth 2.0 or OpenID Connect has signed (RFC 7519, RFC 9068,
// OpenID Connect Core 1.0 section 2), verified with the keys that it publishes
// (RFC 7517, OpenID Connect Discovery 1.0); or opaque ones, about which it is
// asked one by one (RFC 7662).
//
// The package implements accounts.Tokens. It gets no tokens and renews none:
// that is between the mail program and the issuer. No token is ever logged.
package tokens
