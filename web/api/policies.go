package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
)

// Policies climbs the policy ladders of the domains.
type Policies interface {
	// Policies returns where a domain stands on each ladder.
	Policies(ctx context.Context, domain string) (DomainPolicies, error)

	// Take saves the settings of the next rung and notes the step. Invalid
	// when it is not offered.
	Take(ctx context.Context, actor, domain string, kind ladder.Kind, to string) (DomainPolicies, error)

	// Back saves the settings of the rung below and notes the step. Invalid
	// when there is none.
	Back(ctx context.Context, actor, domain string, kind ladder.Kind) (DomainPolicies, error)

	// Changed notes the steps that a change of settings by hand amounts to.
	Changed(ctx context.Context, actor, domain string, before gomail.DomainSettings) error

	// Disown marks a source as not the owner's, or takes the mark away.
	Disown(ctx context.Context, domain, source string, disowned bool) (DomainPolicies, error)
}

// DomainPolicies is how strict a domain's policies are, and what would make
// them stricter.
type DomainPolicies struct {
	Ladders    []ladder.Ladder `json:"ladders" doc:"none of a parked domain"`
	Simulation Simulation      `json:"simulation"`
	Steps      []ladder.Step   `json:"steps" doc:"that were taken, oldest first"`
}

// Simulation is what became of messages that were tried against the planned
// records.
type Simulation struct {
	State    dnsplan.State       `json:"state" enum:"ok,wrong,unknown" doc:"the worst of all messages"`
	Messages []dnsplan.Simulated `json:"messages"`
}

// NewSimulation sums up what was tried.
func NewSimulation(messages []dnsplan.Simulated) Simulation {
	s := Simulation{State: dnsplan.OK, Messages: append([]dnsplan.Simulated{}, messages...)}
	for _, m := range messages {
		switch {
		case m.State == dnsplan.Wrong:
			s.State = dnsplan.Wrong
		case m.State == dnsplan.Unknown && s.State == dnsplan.OK:
			s.State = dnsplan.Unknown
		}
	}
	return s
}

// PolicyStep asks for a step.
type PolicyStep struct {
	To string `json:"to" doc:"the rung that was offered: quarantine"`
}

// Disowning says whose a source is.
type Disowning struct {
	Source   string `json:"source" minLength:"1" maxLength:"255" doc:"as the losses name it: sendgrid.net, 192.0.2.0/24"`
	Disowned bool   `json:"disowned" doc:"true: it is not mine, and its mail does not count"`
}

func (a *API) registerPolicies(h huma.API) {
	p := a.config.Policies
	huma.Register(h, domainOperation("get-policies", http.MethodGet, "/policies", "How strict the domain's policies are, and what would make them stricter"),
		func(ctx context.Context, in *domainInput) (*one[DomainPolicies], error) {
			all, err := p.Policies(ctx, canonical(in.Name))
			return oneOf(all, err, same)
		})
	huma.Register(h, domainOperation("take-policy-step", http.MethodPost, "/policies/{ladder}/take", "Take the step that is offered; its record is published as the domain's others are"),
		func(ctx context.Context, in *struct {
			Name   string      `path:"name"`
			Ladder ladder.Kind `path:"ladder" enum:"dmarc,spf,mta_sts,tlsa"`
			Body   PolicyStep
		}) (*one[DomainPolicies], error) {
			all, err := p.Take(ctx, principal(ctx).Name, canonical(in.Name), in.Ladder, in.Body.To)
			return a.stepped(in.Name, all, err)
		})
	huma.Register(h, domainOperation("take-policy-back", http.MethodPost, "/policies/{ladder}/back", "Go back a step; always possible but from the first"),
		func(ctx context.Context, in *struct {
			Name   string      `path:"name"`
			Ladder ladder.Kind `path:"ladder" enum:"dmarc,spf,mta_sts,tlsa"`
		}) (*one[DomainPolicies], error) {
			all, err := p.Back(ctx, principal(ctx).Name, canonical(in.Name), in.Ladder)
			return a.stepped(in.Name, all, err)
		})
	huma.Register(h, domainOperation("disown-source", http.MethodPost, "/policies/sources", "Say that a source is not yours, or that it is"),
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body Disowning
		}) (*one[DomainPolicies], error) {
			all, err := p.Disown(ctx, canonical(in.Name), in.Body.Source, in.Body.Disowned)
			return a.stepped(in.Name, all, err)
		})
	huma.Register(h, scoped(ofAnyone, "list-senders", http.MethodGet, "/senders", "Well-known services that send mail for their customers, and how a domain authorises them"),
		func(context.Context, *struct{}) (*list[dnsplan.Sender], error) {
			return listOf(dnsplan.Senders(), nil, same)
		})
}

// stepped answers a step, and tells of it once it is taken.
func (a *API) stepped(domain string, all DomainPolicies, err error) (*one[DomainPolicies], error) {
	if err == nil {
		a.tell(EventDomain, domain)
	}
	return oneOf(all, err, same)
}
