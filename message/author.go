package message

import (
	"slices"

	"gomail"
)

// Authors returns every mailbox of the From field, the members of groups
// included. It is strict, for those who decide by it: no From field, more
// than one (RFC 5322 section 3.6), or one that holds anything but valid
// mailboxes is an Invalid error.
func Authors(h Header) ([]gomail.Address, error) {
	switch n := h.Count("From"); {
	case n == 0:
		return nil, gomail.Errorf(gomail.Invalid, "the message has no From field")
	case n > 1:
		return nil, gomail.Errorf(gomail.Invalid, "the message has %d From fields; only one is allowed", n)
	}
	var authors []gomail.Address
	for _, entry := range ParseAddressList(h.Get("From")) {
		if entry.Group != GroupNone {
			continue
		}
		address, ok := entry.Address()
		if !ok {
			return nil, gomail.Errorf(gomail.Invalid, "the From field holds %q, which is no valid address", entry.Local+"@"+entry.Domain)
		}
		authors = append(authors, address)
	}
	if len(authors) == 0 {
		return nil, gomail.Errorf(gomail.Invalid, "the From field names no address")
	}
	return authors, nil
}

// FromDomains returns the canonical domains of every address in every From
// field, each once, in their order: what DMARC looks at (RFC 9989 section
// 4.2). What stands in display names, comments and encoded words counts for
// nothing; what is no valid domain is left out.
func FromDomains(h Header) []string {
	var domains []string
	for _, value := range h.Values("From") {
		for _, entry := range ParseAddressList(value) {
			if entry.Group != GroupNone {
				continue
			}
			domain, err := gomail.CanonicalDomain(entry.Domain)
			if err == nil && !slices.Contains(domains, domain) {
				domains = append(domains, domain)
			}
		}
	}
	return domains
}
