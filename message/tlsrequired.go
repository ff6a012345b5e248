package message

import "strings"

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
