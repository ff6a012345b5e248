// Package outbound takes a message from one of our accounts towards its
// recipients: sender rights, header repair (RFC 6409 section 8), DKIM
// signatures, queue. It is the MSA of RFC 5598.
package outbound
