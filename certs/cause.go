package certs

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// Cause is why there is no new certificate: a code for programs, and for people
// what was found and the next step.
type Cause struct {
	Code  string `json:"code"`
	Found string `json:"found"`
	Mend  string `json:"mend"`

	retry time.Time // the authority asked for patience until then; zero: it did not
}

// The codes.
const (
	NoAddress     = "no_address"        // the name is not in the DNS
	Elsewhere     = "address_elsewhere" // the name leads to another server
	CAAForbids    = "caa"
	DNSTrouble    = "dns" // the DNS does not answer, here or at the authority
	PortClosed    = "port_closed"
	OtherServer   = "other_server" // somebody else answers at the name
	RateLimit     = "rate_limit"
	Contact       = "contact" // the authority does not take tls.acme_email
	Authority     = "authority"
	Refused       = "refused"      // the authority's policy
	DNSProvider   = "dns_provider" // the record of DNS-01 could not be set
	NoWay         = "no_challenge" // no port that an authority asks is served
	OtherProblem  = "other"
	mostOfADetail = 400 // octets that are kept of what an authority says
)

// local reports whether the cause was found without asking the authority.
func (c Cause) local() bool {
	switch c.Code {
	case NoAddress, Elsewhere, CAAForbids, NoWay:
		return true
	case DNSTrouble:
		return c.retry.IsZero() && strings.HasPrefix(c.Found, lookingUp)
	}
	return false
}

// lookingUp begins what is found when our own resolver does not answer.
const lookingUp = "Looking up "

// problemCodes says what the types of an authority's problems amount to (RFC
// 8555 section 6.7).
var problemCodes = map[string]string{
	acme.ProblemTypeCAA: CAAForbids, acme.ProblemTypeConnection: PortClosed, acme.ProblemTypeTLS: OtherServer,
	acme.ProblemTypeDNS: DNSTrouble, acme.ProblemTypeRateLimited: RateLimit, acme.ProblemTypeUnauthorized: OtherServer,
	acme.ProblemTypeIncorrectResponse: OtherServer, acme.ProblemTypeInvalidContact: Contact, acme.ProblemTypeUnsupportedContact: Contact,
	acme.ProblemTypeRejectedIdentifier: Refused, acme.ProblemTypeUnsupportedIdentifier: Refused, acme.ProblemTypeUserActionRequired: Refused,
	acme.ProblemTypeExternalAccountRequired: Refused, acme.ProblemTypeServerInternal: Authority,
}

// explain says why an order failed that was to be proved by a method.
func explain(name string, m method, err error) Cause {
	var p acme.Problem
	var provider providerError
	var network *net.OpError
	switch {
	case errors.As(err, &provider):
		return Cause{Code: DNSProvider, Found: "The record that proves " + name + " could not be set: " + provider.Error() + ".", Mend: "Look at the domain's connection: gomail dns connection list."}
	case errors.As(err, &p):
		return fromProblem(name, m, p)
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), serverFault.MatchString(err.Error()):
		return Cause{Code: Authority, Found: "The certificate authority could not be reached or did not finish in time: " + cut(err.Error()) + ".", Mend: "Nothing, if it is over soon: it is tried again. Else see that this server may connect to the authority (tls.acme_directory) over HTTPS."}
	}
	return Cause{Code: OtherProblem, Found: "The order failed: " + cut(err.Error()) + ".", Mend: "Look into the server's log; it is tried again."}
}

// serverFault is how certmagic tells of an answer that says nothing else.
var serverFault = regexp.MustCompile(`HTTP 5\d\d`)

func fromProblem(name string, m method, p acme.Problem) Cause {
	for len(p.Subproblems) > 0 && (p.Type == "" || p.Type == acme.ProblemTypeCompound || p.Type == acme.ProblemTypeMalformed) {
		p = p.Subproblems[0].Problem
	}
	c := Cause{Code: problemCodes[p.Type]}
	said := ": " + cut(strings.TrimSuffix(p.Detail, "."))
	switch c.Code {
	case CAAForbids:
		c.Found, c.Mend = "The authority says that CAA records forbid it"+said+".", "Allow the authority in the CAA records of the domain: gomail dns plan shows the record."
	case PortClosed:
		c.Found, c.Mend = "The authority could not connect to "+m.at(name)+said+".", "Open ports 80 and 443 in the firewall, and at your hosting provider, to the whole world, and see that they lead to this server."
	case OtherServer:
		c.Found, c.Mend = "What answered the authority at "+m.at(name)+" was not this server"+said+".", "Take away whatever stands before it (a proxy, another web server), or let it pass /.well-known/acme-challenge/ on to this server."
		if m == byDNS {
			c.Mend = "See that the zone's name servers all show what is published at the DNS provider."
		}
	case DNSTrouble:
		c.Found, c.Mend = "The authority could not look "+name+" up in the DNS"+said+".", "gomail dns check says what is wrong with the domain's name servers; a broken DNSSEC chain is a frequent cause."
	case RateLimit:
		c.Found, c.Mend = "The authority's limit is reached"+said+".", "Nothing: it is tried again when the authority allows. Do not order by hand meanwhile."
		c.retry = retryAfter(p.Detail)
	case Contact:
		c.Found, c.Mend = "The authority does not accept the contact address"+said+".", "Set tls.acme_email to an address of yours that receives mail."
	case Refused:
		c.Found, c.Mend = "The authority does not issue certificates for "+name+said+".", "Read what it says; another authority can be set with tls.acme_directory."
	case Authority:
		c.Found, c.Mend = "The authority has a fault of its own"+said+".", "Nothing, if it is over soon: it is tried again."
	default:
		c.Code = OtherProblem
		c.Found, c.Mend = "The authority refuses the order"+said+".", "Read what it says; it is tried again."
	}
	return c
}

// retryTime is how Let's Encrypt says when its limit ends.
var retryTime = regexp.MustCompile(`retry after (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)`)

// mostPatience bounds what an authority may ask for.
const mostPatience = 8 * 24 * time.Hour

func retryAfter(detail string) time.Time {
	found := retryTime.FindStringSubmatch(detail)
	if found == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.DateTime, strings.Replace(found[1], "T", " ", 1))
	if err != nil {
		return time.Time{}
	}
	return t
}

// cut bounds what others say, and keeps it in one line.
func cut(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if len(s) > mostOfADetail {
		s = strings.ToValidUTF8(s[:mostOfADetail], "") + "…"
	}
	return s
}

// rank orders the causes of one try by how much they say.
func (c Cause) rank() int {
	switch c.Code {
	case RateLimit:
		return 5
	case CAAForbids, Contact, Refused:
		return 4
	case DNSTrouble, PortClosed, OtherServer:
		return 3
	case DNSProvider:
		return 2
	case Authority:
		return 1
	}
	return 0
}

// final reports whether other ways to prove the name would fail alike.
func (c Cause) final() bool {
	switch c.Code {
	case RateLimit, CAAForbids, Contact, Refused, Authority:
		return true
	}
	return false
}
