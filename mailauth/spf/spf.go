// Package spf asks whether a client may send mail for a domain: the Sender
// Policy Framework, RFC 7208. Evaluation is blitiri.com.ar/go/spf's; this
// package gives it our resolver, the limits of section 4.6.4 (10 look-ups, 2
// void ones), the rules on what is checked at all (section 4.3), and a reason
// for people.
//
// The owner's explanation (exp=, section 6.2) is not fetched: it is a
// stranger's text that would stand in our replies.
package spf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	spflib "blitiri.com.ar/go/spf"

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
	if !checkable(result.Domain) {
		result.Status, result.Reason = None, "the domain is not a name of several labels"
		return
	}
	addr := result.Client.Unmap()
	status, err := spflib.CheckHostWithSender(addr.AsSlice(), result.Helo, senderText(result.Sender),
		spflib.WithContext(ctx), spflib.WithResolver(names{resolver}))
	result.Status = Status(status)
	if ctx.Err() != nil && result.Status != Pass {
		// Look-ups that were cut short prove nothing.
		result.Status, err = TempError, ctx.Err()
	}
	result.Reason = reason(result.Status, err)
}

// checkable applies RFC 7208 section 4.3: an address literal, a single label
// or a malformed name gives "none" without a look-up.
func checkable(domain string) bool {
	if !strings.Contains(domain, ".") || len(domain) > gomail.MaxDomain-2 {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || strings.ContainsAny(label, "[]:") {
			return false
		}
	}
	return true
}

// senderText writes the sender for the macros. The library takes what follows
// the first @ for the domain, so an @ in a quoted local part is replaced.
func senderText(sender gomail.Address) string {
	return strings.ReplaceAll(sender.Local, "@", "_") + "@" + sender.Domain
}

// names stands between the library and the resolver. It keeps what is not a
// domain name away: net.Resolver takes "192.0.2.1" for an address, but in an
// SPF record it is a name that does not exist. And it checks records whole:
// the library stops at the first match and is lax about domain-spec.
type names struct{ Resolver }

// invalidRecord is what the library gets to read in place of a record with a
// syntax error. It answers permerror.
const invalidRecord = "v=spf1 syntax-error"

func (n names) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if !checkable(strings.TrimSuffix(name, ".")) {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	texts, err := n.Resolver.LookupTXT(ctx, name)
	checked := make([]string, len(texts))
	for i, text := range texts {
		if checked[i] = text; IsRecord(text) && ValidRecord(text) != nil {
			checked[i] = invalidRecord
		}
	}
	return checked, err
}

func (n names) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return n.Resolver.LookupIPAddr(ctx, host)
}

// reason puts the library's error into words that may stand in a reply: never
// a text out of a stranger's record.
func reason(status Status, err error) string {
	var dnsErr *net.DNSError
	switch {
	case errors.Is(err, spflib.ErrLookupLimitReached):
		return "the record needs more than 10 DNS look-ups"
	case errors.Is(err, spflib.ErrVoidLookupLimitReached):
		return "the record leads to more than 2 names without data"
	case errors.Is(err, spflib.ErrTooManyMXRecords):
		return "an mx mechanism names more than 10 hosts"
	case errors.Is(err, spflib.ErrMultipleRecords):
		return "the domain has more than one SPF record"
	case errors.Is(err, spflib.ErrNoResult) && status == None:
		return "the domain has no SPF record"
	case errors.As(err, &dnsErr) && status == TempError, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "the DNS did not answer"
	}
	return statusReasons(status)
}

func statusReasons(status Status) string {
	switch status {
	case Pass:
		return "the client is authorized"
	case Fail:
		return "the client is not authorized"
	case SoftFail:
		return "the client is probably not authorized"
	case Neutral:
		return "the domain says nothing about the client"
	case PermError:
		return "the SPF record or one that it includes is not valid"
	case TempError:
		return "the DNS did not answer"
	}
	return "the domain has no SPF record"
}
