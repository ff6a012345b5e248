package message

import (
	"strings"

	"gomail"
)

// TLSNeed says how a message insists on TLS: as its envelope does, or else as
// its header does (RFC 8689 section 4.1: REQUIRETLS goes before the field).
func TLSNeed(envelope gomail.TLSNeed, h Header) gomail.TLSNeed {
	if envelope == gomail.TLSByPolicy && TLSOptional(h) {
		return gomail.TLSOptional
	}
	return envelope
}

// TLSOptional reports whether a header says that no policy about TLS is to
// hold the message up: "TLS-Required: No", RFC 8689 section 3. No other value
// is known, and of a field that is repeated nothing is believed.
func TLSOptional(h Header) bool {
	found := false
	for _, f := range h {
		if !f.Is("TLS-Required") {
			continue
		}
		if found || !strings.EqualFold(strings.TrimSpace(f.Value()), "no") {
			return false
		}
		found = true
	}
	return found
}
