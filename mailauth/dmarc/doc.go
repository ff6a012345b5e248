// Package dmarc finds a domain's DMARC policy and tells whether a message
// meets it: RFC 9989, with the DNS tree walk of its section 4.10.
//
// Two things of older practice are kept. The Public Suffix List is the
// fallback where the owner of a public suffix has published a record without
// the psd tag: such a record counts as psd=y, for else everybody under the
// suffix would be one organization. And pct=0, RFC 7489's way of testing,
// counts as t=y where there is no t tag; other values of pct are read and not
// acted upon.
//
// It does not send reports, and it does not decide what is done with a
// message: Result.Policy is what the domain's owner asks for.
package dmarc
