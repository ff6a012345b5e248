// Package tlspolicy holds the formats by which domains say how mail to them is
// to be encrypted, and by which senders tell them how that went: the reports
// of RFC 8460 and the record that asks for them (section 3).
//
// It is pure: nothing here asks the DNS, fetches a policy or opens a
// connection. What it reads comes from strangers, so every parser has limits.
package tlspolicy
