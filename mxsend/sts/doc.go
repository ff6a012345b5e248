// Package sts finds the MTA-STS policies (RFC 8461) of the domains to which
// mail goes: it looks up their records, fetches what they announce over HTTPS,
// and keeps it, so that nobody who spoils an answer can take a policy away.
//
// A policy is asked for again when its announced id changes, and once half of
// its life is over. One that cannot be fetched leaves the old one in force; the
// host is not asked again for some minutes then.
//
// What follows from a policy is decided by tlspolicy and mxsend.
package sts
