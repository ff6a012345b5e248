package dmarc

import (
	"context"
	"strings"
)

// Status is a result of RFC 8601's dmarc method (RFC 9989 section 9.2).
type Status string

// The results.
const (
	StatusNone      Status = "none" // no record applies
	StatusPass      Status = "pass"
	StatusFail      Status = "fail"
	StatusTempError Status = "temperror" // the DNS did not answer: neither pass nor fail
	StatusPermError Status = "permerror" // the From field names no author domain, or too many
)

// Identifier is a domain that SPF or DKIM has looked at.
type Identifier struct {
	Domain string // canonical
	Pass   bool
	Failed bool // a temporary error: it could have been a pass
}

// Message is what DMARC has to know about a message.
type Message struct {
	// FromFields is the number of From fields. More than one is against RFC
	// 5322, and a message with several never passes.
	FromFields int
	// Discoveries are those of the distinct author domains.
	Discoveries []Discovery
	SPF         Identifier // of MAIL FROM; of HELO for the null reverse-path
	DKIM        []Identifier
}

// MaxAuthors is the number of author domains that are looked at.
const MaxAuthors = 8

// Result is the outcome for a message.
type Result struct {
	Status Status
	// Policy is what the author domain's owner asks for, t=y considered. It
	// is None unless the message fails, or names several authors of whom one
	// fails.
	Policy Policy
	// Published is the policy before t=y was considered.
	Published    Policy
	Author       string // the author domain, the first of several
	Domain       string // where the record stands
	Organization string // of the author domain
	Record       Record
	AlignedSPF   bool
	AlignedDKIM  bool
	Reason       string // a few words of our own
}

// Evaluate applies the records to the message. It asks the DNS only where
// relaxed alignment between different domains is to be decided.
func Evaluate(ctx context.Context, resolver Resolver, m Message) Result {
	switch n := len(m.Discoveries); {
	case n == 0:
		return Result{Status: StatusPermError, Policy: None, Reason: "the message names no author domain"}
	case n > MaxAuthors:
		return Result{Status: StatusPermError, Policy: Quarantine, Author: m.Discoveries[0].Author, Reason: "the message names too many author domains"}
	}
	var worst Result
	for i, d := range m.Discoveries {
		if r := evaluate(ctx, resolver, m, d); i == 0 || worseThan(r, worst) {
			worst = r
		}
	}
	worst.Author = m.Discoveries[0].Author
	if m.FromFields > 1 && worst.Status != StatusTempError {
		worst.Status, worst.Reason = StatusPermError, "the message has several From fields"
	}
	return worst
}

// worseThan orders the results of several authors: the most severe policy
// counts (RFC 9989 section 11.5), but nothing is refused while one of them is
// not known.
func worseThan(a, b Result) bool {
	if (a.Status == StatusTempError) != (b.Status == StatusTempError) {
		return a.Status == StatusTempError
	}
	if a.Policy != b.Policy {
		return a.Policy.severity() > b.Policy.severity()
	}
	return a.Status == StatusFail && b.Status != StatusFail
}

func evaluate(ctx context.Context, resolver Resolver, m Message, d Discovery) Result {
	r := Result{Policy: None, Author: d.Author, Domain: d.Domain, Organization: d.Organization, Record: d.Record, Published: d.Policy}
	switch {
	case d.Failed:
		r.Status, r.Reason = StatusTempError, "the DMARC record could not be looked up"
		return r
	case !d.Found:
		r.Status, r.Reason = StatusNone, "the domain has no DMARC record"
		return r
	}
	a := aligner{ctx: ctx, resolver: resolver, discovery: d}
	r.AlignedSPF = m.SPF.Pass && a.aligned(m.SPF.Domain, d.Record.StrictSPF)
	for _, id := range m.DKIM {
		r.AlignedDKIM = r.AlignedDKIM || id.Pass && a.aligned(id.Domain, d.Record.StrictDKIM)
	}
	passed := r.AlignedSPF || r.AlignedDKIM
	switch {
	case passed && m.FromFields <= 1:
		r.Status = StatusPass
	case !passed && (a.failed || a.openQuestion(m)):
		r.Status, r.Reason = StatusTempError, "SPF or DKIM could not be checked for lack of an answer from the DNS"
	default:
		r.Status, r.Policy = StatusFail, d.Policy
		r.Reason = "neither SPF nor DKIM passes for the author's domain"
		if d.Record.Testing {
			r.Policy = d.Policy.eased()
		}
	}
	return r
}

// aligner compares authenticated identifiers with one author domain, RFC 9989
// section 4.10.2.
type aligner struct {
	ctx       context.Context // of the one call that it lives for
	resolver  Resolver
	discovery Discovery
	failed    bool // a look-up that would have decided did not succeed
}

func (a *aligner) aligned(domain string, strict bool) bool {
	if domain == a.discovery.Author {
		return true
	}
	if strict || domain == "" || !a.possible(domain) {
		return false
	}
	if a.discovery.Organization == "" {
		a.failed = true
		return false
	}
	org, ok := organization(a.ctx, a.resolver, domain)
	a.failed = a.failed || !ok
	return ok && org == a.discovery.Organization
}

// possible spares look-ups: a domain can only belong to the organization
// when it stands at or below it. Where that is not known, it at least has to
// share the top label.
func (a *aligner) possible(domain string) bool {
	org := a.discovery.Organization
	if org == "" {
		return a.discovery.Author[strings.LastIndexByte(a.discovery.Author, '.')+1:] == domain[strings.LastIndexByte(domain, '.')+1:]
	}
	return domain == org || strings.HasSuffix(domain, "."+org)
}

// openQuestion reports whether a check that met a temporary error could have
// made the message pass.
func (a *aligner) openQuestion(m Message) bool {
	if m.SPF.Failed && a.couldAlign(m.SPF.Domain, a.discovery.Record.StrictSPF) {
		return true
	}
	for _, id := range m.DKIM {
		if id.Failed && a.couldAlign(id.Domain, a.discovery.Record.StrictDKIM) {
			return true
		}
	}
	return false
}

func (a *aligner) couldAlign(domain string, strict bool) bool {
	return domain == a.discovery.Author || !strict && domain != "" && a.possible(domain)
}
