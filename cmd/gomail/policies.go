package main

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
	"gomail/reports"
	"gomail/web/api"
)

// evidenceSpan is how far back the reports go that a step is judged by.
const evidenceSpan = 60 * 24 * time.Hour

// policies climbs the policy ladders with what the reports tell. It
// implements api.Policies.
type policies struct {
	*services
	reports *reports.Service

	mu    sync.Mutex
	tried map[string]tried // by domain
}

// tried is a simulation that need not be repeated yet.
type tried struct {
	result  api.Simulation
	records []dnsplan.Record
	at      time.Time
}

// simulationLife is how long a simulation of the same plan holds.
const simulationLife = time.Minute

func newPolicies(s *services) *policies {
	return &policies{services: s, reports: reports.New(reports.Config{Store: s.store, Hosted: s.domains.Hosted, Logger: s.log}), tried: map[string]tried{}}
}

// Policies returns where a domain stands on each ladder.
func (p *policies) Policies(ctx context.Context, domain string) (api.DomainPolicies, error) {
	in, err := p.input(ctx, domain)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	all := api.DomainPolicies{Ladders: []ladder.Ladder{}, Steps: append([]ladder.Step{}, in.Steps...)}
	if !in.Settings.Parked {
		all.Ladders = ladder.Ladders(in)
	}
	all.Simulation, err = p.simulate(ctx, domain)
	return all, err
}

// Take saves the settings of the next rung and notes the step.
func (p *policies) Take(ctx context.Context, actor, domain string, kind ladder.Kind, to string) (api.DomainPolicies, error) {
	in, err := p.input(ctx, domain)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	settings, err := ladder.Take(in, kind, to)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	return p.step(ctx, actor, in, kind, to, settings)
}

// Back saves the settings of the rung below and notes the step.
func (p *policies) Back(ctx context.Context, actor, domain string, kind ladder.Kind) (api.DomainPolicies, error) {
	in, err := p.input(ctx, domain)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	l, err := ladder.Find(in, kind)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	settings, err := ladder.Return(in, kind)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	return p.step(ctx, actor, in, kind, l.Back.To, settings)
}

// Changed notes the steps that a change of settings by hand amounts to: they
// are watched as those that were offered.
func (p *policies) Changed(ctx context.Context, actor, domain string, before gomail.DomainSettings) error {
	in, err := p.input(ctx, domain)
	if err != nil {
		return err
	}
	was := in
	was.Settings = before
	for _, kind := range []ladder.Kind{ladder.DMARC, ladder.SPF, ladder.MTASTS} {
		from, err := ladder.Find(was, kind)
		if err != nil {
			return err
		}
		to, err := ladder.Find(in, kind)
		if err != nil {
			return err
		}
		if from.Rung == to.Rung {
			continue
		}
		if err := p.reports.StepTaken(ctx, domain, ladder.Taken(from, to.Rung, actor, in.Now)); err != nil {
			return err
		}
	}
	return nil
}

// Disown marks a source as not the owner's, or takes the mark away.
func (p *policies) Disown(ctx context.Context, domain, source string, disowned bool) (api.DomainPolicies, error) {
	if err := p.reports.Disown(ctx, domain, source, disowned); err != nil {
		return api.DomainPolicies{}, err
	}
	return p.Policies(ctx, domain)
}

// step saves settings, then notes the step: a note without its step would
// count as a watch over what never happened.
func (p *policies) step(ctx context.Context, actor string, in ladder.Input, kind ladder.Kind, to string, settings gomail.DomainSettings) (api.DomainPolicies, error) {
	l, err := ladder.Find(in, kind)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	d, err := p.domains.Get(ctx, in.Domain)
	if err != nil {
		return api.DomainPolicies{}, err
	}
	if !reflect.DeepEqual(d.Settings, in.Settings) {
		return api.DomainPolicies{}, gomail.Errorf(gomail.Exists, "the settings of %s were changed in the meantime: look at its policies again", d.Name)
	}
	d.Settings = settings
	if err := dnsplan.Validate(settings); err != nil {
		return api.DomainPolicies{}, err
	}
	if err := p.domains.Update(ctx, d); err != nil {
		return api.DomainPolicies{}, err
	}
	if err := p.reports.StepTaken(ctx, d.Name, ladder.Taken(l, to, actor, in.Now)); err != nil {
		return api.DomainPolicies{}, err
	}
	return p.Policies(ctx, d.Name)
}

// input gathers what the ladders are judged by.
func (p *policies) input(ctx context.Context, name string) (ladder.Input, error) {
	now := time.Now().UTC()
	d, err := p.domains.Get(ctx, name)
	if err != nil {
		return ladder.Input{}, err
	}
	in := ladder.Input{Domain: d.Name, Settings: d.Settings, Now: now}
	keys, err := p.domains.Keys(ctx, d.Name)
	if err != nil {
		return in, err
	}
	for _, k := range keys {
		in.Selectors = append(in.Selectors, k.Selector)
	}
	if in.Evidence, err = p.reports.Evidence(ctx, d.Name, now.Add(-evidenceSpan)); err != nil {
		return in, err
	}
	if in.Steps, err = p.reports.Steps(ctx, d.Name); err != nil {
		return in, err
	}
	server, err := p.settings.Server(ctx)
	if err != nil {
		return in, err
	}
	in.Evidence.DNSSEC, in.Evidence.NextKey = server.DNSSEC, len(server.TLSA) > 1
	last, err := p.watcher.Report(ctx, d.Name)
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		return in, err
	}
	in.Evidence.Records = ladder.RecordsOf(last)
	return in, nil
}

// simulate tries messages against the plan as it is now.
func (p *policies) simulate(ctx context.Context, domain string) (api.Simulation, error) {
	records, err := p.plan(ctx, domain)
	if err != nil {
		return api.Simulation{}, err
	}
	p.mu.Lock()
	last, ok := p.tried[domain]
	p.mu.Unlock()
	if ok && time.Since(last.at) < simulationLife && slices.EqualFunc(records, last.records, sameLine) {
		return last.result, nil
	}
	keys, err := p.domains.Pairs(ctx, domain)
	if err != nil {
		return api.Simulation{}, err
	}
	var pairs []dnsplan.SimulationKey
	for _, k := range keys {
		pairs = append(pairs, dnsplan.SimulationKey{Selector: k.Selector, Algorithm: k.Algorithm, Private: k.Private})
	}
	seen, err := p.prober.Look(ctx, domain, records, dnsplan.SimulationQuestions(records)...)
	if err != nil {
		return api.Simulation{}, err
	}
	result := api.NewSimulation(dnsplan.Simulate(ctx, records, seen, pairs))
	p.mu.Lock()
	maps.DeleteFunc(p.tried, func(_ string, t tried) bool { return time.Since(t.at) >= simulationLife })
	p.tried[domain] = tried{result, records, time.Now()}
	p.mu.Unlock()
	return result, nil
}

func sameLine(a, b dnsplan.Record) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Value == b.Value
}

// clean removes old reports every day until ctx ends.
func (p *policies) clean(ctx context.Context) error {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		if _, err := p.reports.Clean(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("old reports were not removed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
