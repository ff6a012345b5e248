package mxsend

import (
	"context"
	"fmt"
	"slices"

	"gomail"
	"gomail/queue"
	"gomail/tlspolicy"
)

// level is what a connection must have before mail goes over it.
type level int

// The levels, each more than the one before.
const (
	anyTLS           level = iota // TLS where it works (RFC 7435)
	needsTLS                      // encryption, whoever the server is
	needsCertificate              // a certificate for the host from a trusted authority
	needsDANE                     // a key that a TLSA record names
)

// policy says how mail for a domain goes to one of its hosts.
type policy struct {
	level  level
	asks   string               // who insists: "the MTA-STS policy of example.net"; empty: nobody
	server string               // what the host is called in TLS
	names  []string             // of which a certificate under a DANE-TA record has one
	tlsa   []tlspolicy.TLSA     // usable ones
	by     queue.Verification   // what a certificate for the host proves
	flaw   *tlspolicy.Failure   // of the policy itself, however TLS goes
	shared bool                 // a connection is as good for other domains
	kind   tlspolicy.PolicyType // for reports; empty: not reported
	text   []string             // for reports
	hosts  []string             // for reports
}

// key tells connections apart that are not as good for each other.
func (p policy) key(domain string) string {
	if p.shared {
		return fmt.Sprint(" at level ", p.level)
	}
	return fmt.Sprint(" at level ", p.level, " for ", domain)
}

// insist raises the level.
func (p *policy) insist(l level, asks string) {
	if l > p.level {
		p.level, p.asks = l, asks
	}
}

// ruled is what was found for a host.
type ruled struct {
	policy  policy
	failure *failure
}

// policy returns what holds for mail of this task to a host, which is found
// once. A failure says that the host cannot be used.
func (a *attempt) policy(ctx context.Context, r route, host string) (policy, *failure) {
	found, ok := a.ruled[host]
	if !ok {
		found.policy, found.failure = a.findPolicy(ctx, r, host)
		if a.ruled == nil {
			a.ruled = map[string]ruled{}
		}
		a.ruled[host] = found
	}
	return found.policy, found.failure
}

func (a *attempt) findPolicy(ctx context.Context, r route, host string) (policy, *failure) {
	if r.smarthost != nil {
		return a.smarthostPolicy(r, host)
	}
	lax := a.task.Envelope.TLS == gomail.TLSOptional || r.wish == Opportunistic
	p, f := a.s.dane(ctx, r, host)
	if f != nil && !lax {
		return p, f
	}
	if p.level < needsDANE {
		if f := p.applySTS(r, host); f != nil && !lax {
			a.s.count(r, p, host, nil, p.flaw)
			return p, f
		}
	}
	if lax {
		p.level, p.asks = anyTLS, ""
	}
	if f := p.applyWish(r, host); f != nil {
		a.s.count(r, p, host, nil, p.flaw)
		return p, f
	}
	return p, a.applyMessage(r, host, &p)
}

// applySTS takes the domain's MTA-STS policy into account, RFC 8461 section 5.
func (p *policy) applySTS(r route, host string) *failure {
	if r.sts == nil || r.sts.Mode == tlspolicy.None {
		return nil
	}
	if p.kind == tlspolicy.PolicyNone {
		p.kind, p.text, p.hosts = tlspolicy.PolicySTS, r.sts.Lines(), r.sts.MX
	}
	asks := "the MTA-STS policy of " + r.domain
	if !r.sts.Permits(host) {
		text := fmt.Sprintf("%s does not name the host %s", asks, host)
		p.flaw = &tlspolicy.Failure{Type: tlspolicy.ValidationFailure, Err: gomail.Errorf(gomail.Refused, "%s", text)}
		if r.sts.Mode == tlspolicy.Enforce {
			return &failure{outcome: queue.Temporary, enhanced: "4.7.5", text: cleanText(text + ", so mail does not go there")}
		}
		return nil
	}
	p.by = queue.BySTS
	if r.sts.Mode == tlspolicy.Enforce {
		p.insist(needsCertificate, asks)
	}
	return nil
}

// applyWish takes into account what the configuration says of the domain.
func (p *policy) applyWish(r route, host string) *failure {
	const asks = "the configuration"
	switch r.wish {
	case Require:
		p.insist(needsTLS, asks)
	case Verify:
		p.insist(needsCertificate, asks)
	case DANE:
		if p.level < needsDANE {
			p.flaw = &tlspolicy.Failure{Type: tlspolicy.DANERequired, Err: gomail.Errorf(gomail.Refused, "the configuration demands DANE for %s, and %s has no TLSA records that can be used", r.domain, host)}
			return &failure{outcome: queue.Temporary, enhanced: "4.7.5", text: cleanText(p.flaw.Error())}
		}
	}
	return nil
}

// applyMessage takes into account that the message may only go to servers that
// are verified, with their names from a source that is too (RFC 8689 section
// 4.2.1).
func (a *attempt) applyMessage(r route, host string, p *policy) *failure {
	if a.task.Envelope.TLS != gomail.TLSRequired || p.level >= needsCertificate {
		return nil
	}
	if !r.secure && p.by != queue.BySTS {
		return &failure{outcome: queue.Permanent, enhanced: "5.7.10", text: cleanText("the message demands TLS with a server that is verified (REQUIRETLS), and neither DNSSEC nor MTA-STS says that " + host + " is right for " + r.domain)}
	}
	p.insist(needsCertificate, "the message (REQUIRETLS)")
	return nil
}

// smarthostPolicy is for a server that is configured.
func (a *attempt) smarthostPolicy(r route, host string) (policy, *failure) {
	p := policy{server: host, by: queue.ByWebPKI, shared: true}
	if r.needsTLS() {
		p.level, p.asks = needsCertificate, "the configuration"
	}
	if a.task.Envelope.TLS == gomail.TLSRequired && p.level < needsCertificate {
		return p, &failure{outcome: queue.Permanent, enhanced: "5.7.10", text: cleanText("the message demands TLS with a server that is verified (REQUIRETLS), and the smarthost " + host + " is configured without")}
	}
	return p, nil
}

// describe says in a word or two what was asked of TLS, for logs.
func (p policy) describe() string {
	switch {
	case p.kind == tlspolicy.PolicyTLSA:
		return "dane"
	case p.kind == tlspolicy.PolicySTS && slices.Contains(p.text, "mode: "+string(tlspolicy.Testing)):
		return "mta-sts testing"
	case p.kind == tlspolicy.PolicySTS:
		return "mta-sts"
	case p.level > anyTLS:
		return "required"
	}
	return "none"
}
