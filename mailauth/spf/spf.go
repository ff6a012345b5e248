// Package spf asks whether a client may send mail for a domain: the Sender
// Policy Framework, RFC 7208, with RFC 8616 for internationalized addresses.
//
// The evaluator is our own. The libraries that were tried refuse a slash
// within a domain-spec, do not expand the macro p, or stop reading a record at
// the first match, and each differs from the RFC's test suite somewhere; this
// one passes it whole. The whole record is read before any of it counts, the
// limits of section 4.6.4 hold over all records of a check (10 look-ups, 2
// void ones, 10 hosts of an mx or ptr), and a look-up counts as void when a
// name has no address of either family.
//
// The owner's explanation (exp=, section 6.2) is not fetched: it is a
// stranger's text that would stand in our replies.
package spf

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"gomail"
)

// Resolver is what SPF asks the DNS with. Errors follow net.Resolver:
// *net.DNSError with IsNotFound for absence.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Status is a result of RFC 7208 section 2.6.
type Status string

// The results. The zero value means that nothing was checked.
const (
	None      Status = "none"
	Neutral   Status = "neutral"
	Pass      Status = "pass"
	Fail      Status = "fail"
	SoftFail  Status = "softfail"
	TempError Status = "temperror"
	PermError Status = "permerror"
)

// Identity names what was checked.
type Identity string

// The identities of RFC 7208 section 2.
const (
	MailFrom Identity = "mailfrom"
	Helo     Identity = "helo"
)

// Result is the outcome of one check.
type Result struct {
	Status   Status
	Identity Identity
	Domain   string         // whose record decided; canonical, or the HELO name as given
	Sender   gomail.Address // the address checked; postmaster@HELO for the HELO identity
	// NullSender: there was no MAIL FROM address, so that identity is taken
	// from HELO too.
	NullSender bool
	Client     netip.Addr
	Helo       string
	Reason     string // why, in a few words of our own
}

// Client is the SMTP client that is checked.
type Client struct {
	Addr netip.Addr
	Helo string // as it named itself, unverified
}

// CheckHelo checks the HELO identity, RFC 7208 section 2.3.
func CheckHelo(ctx context.Context, resolver Resolver, client Client) Result {
	result := Result{Identity: Helo, Client: client.Addr, Helo: client.Helo}
	domain, err := gomail.CanonicalDomain(client.Helo)
	if err != nil || strings.HasPrefix(client.Helo, "[") {
		result.Domain = client.Helo
		result.Status, result.Reason = None, "the HELO name is no domain name"
		return result
	}
	result.Domain = domain
	result.Sender = gomail.Address{Local: "postmaster", Domain: domain}
	evaluate(ctx, resolver, &result)
	return result
}

// CheckMailFrom checks the MAIL FROM identity, RFC 7208 section 2.4. For the
// null reverse-path that is postmaster at the HELO name.
func CheckMailFrom(ctx context.Context, resolver Resolver, client Client, from gomail.Address) Result {
	if from.IsNull() {
		result := CheckHelo(ctx, resolver, client)
		result.Identity, result.NullSender = MailFrom, true
		return result
	}
	if from.Local == "" {
		from.Local = "postmaster"
	}
	result := Result{Identity: MailFrom, Client: client.Addr, Helo: client.Helo, Sender: from, Domain: from.Domain}
	evaluate(ctx, resolver, &result)
	return result
}

// evaluate runs check_host() for the result's sender.
func evaluate(ctx context.Context, resolver Resolver, result *Result) {
	c := newCheck(ctx, resolver, result)
	out := c.checkHost(result.Domain)
	if ctx.Err() != nil && out.status != Pass {
		out = silent // look-ups that were cut short prove nothing
	}
	result.Status, result.Reason = out.status, out.reason
}

func newCheck(ctx context.Context, resolver Resolver, r *Result) *check {
	return &check{ctx: ctx, resolver: resolver, client: r.Client.Unmap().WithZone(""), helo: r.Helo, local: r.Sender.Local, origin: r.Sender.Domain}
}

// checkable applies RFC 7208 section 4.3: an address literal, a single label
// or a malformed name gives "none" without a look-up.
func checkable(domain string) bool {
	return queryable(domain) && !strings.ContainsAny(domain, "[]:")
}

// statusReasons puts a result that a term gave into words.
func statusReasons(status Status) string {
	switch status {
	case Pass:
		return "the client is authorized"
	case Fail:
		return "the client is not authorized"
	case SoftFail:
		return "the client is probably not authorized"
	}
	return "the domain says nothing about the client"
}
