package dnspub

import (
	"context"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// The kinds of publications.
const (
	kindPublish  = "publish"
	kindSync     = "sync"
	kindRotation = "rotation"
	kindUndo     = "undo"
)

// itself is the actor of what GoMail does without being asked.
const itself = "gomail"

// Publish makes the changes of a preview that was agreed to. It goes on after
// a change that fails, and says of each what became of it; an error tells that
// nothing was done. Exists: the zone or the plan is not what the preview
// showed. An empty connection is the domain's own.
func (p *Publisher) Publish(ctx context.Context, actor, domain, connection string, asked dnsplan.Publish) (dnsplan.Publication, error) {
	t, err := p.target(ctx, domain, connection)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	unlock, err := p.lock(ctx, t)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	defer unlock()
	view, err := p.preview(ctx, &t)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	if view.Token != asked.Token {
		return dnsplan.Publication{}, gomail.Errorf(gomail.Exists, "the zone or the plan has changed since the preview: look at it again")
	}
	consent, err := agreed(asked.Consent, t.domain)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	return p.carryOut(ctx, t, actor, kindPublish, plan(view.Changes, consent))
}

// agreed reports whether the domain's name was typed. Something else that was
// typed is a mistake, not a refusal.
func agreed(typed, domain string) (bool, error) {
	if typed == "" {
		return false, nil
	}
	if name, err := gomail.CanonicalDomain(typed); err != nil || name != domain {
		return false, gomail.Errorf(gomail.Invalid, "what was typed is not the domain's name: type %s", domain)
	}
	return true, nil
}

// interrupted is what the journal says of a change until it is known what
// became of it.
const interrupted = "It is not known whether it was done: GoMail was interrupted. Publish again, or undo."

// plan says what is to become of each change: those that are to be made have
// the outcome of an interruption until they are.
func plan(changes []dnsplan.Change, consent bool) []dnsplan.Result {
	results := []dnsplan.Result{}
	for _, ch := range changes {
		r := dnsplan.Result{Change: ch, Outcome: dnsplan.Failed, Error: interrupted}
		switch {
		case ch.Blocked != "":
			r.Outcome, r.Error = dnsplan.Skipped, ch.Blocked
		case ch.Action == dnsplan.Keep:
			r.Outcome, r.Error = dnsplan.Kept, ""
		case ch.Consent != "" && !consent:
			r.Outcome, r.Error = dnsplan.Skipped, ch.Consent+" Type the domain's name to agree."
		}
		results = append(results, r)
	}
	return results
}

// open reports whether a change is still to be made.
func open(r dnsplan.Result) bool { return r.Outcome == dnsplan.Failed && r.Error == interrupted }

// pending returns how many changes are still to be made.
func pending(results []dnsplan.Result) (n int) {
	for _, r := range results {
		if open(r) {
			n++
		}
	}
	return n
}

// carryOut writes what is going to be done into the journal, does it, and
// writes down what became of it: whatever happens in between, the journal
// does not claim what is not so.
func (p *Publisher) carryOut(ctx context.Context, t target, actor, kind string, results []dnsplan.Result) (dnsplan.Publication, error) {
	pub := dnsplan.Publication{
		Domain: t.domain, Zone: t.zone, Connection: t.connection.Name, At: p.now(), Actor: actor, Kind: kind, Results: results,
	}
	if pending(results) == 0 && kind != kindPublish && kind != kindUndo {
		return pub, nil
	}
	var err error
	if pub.ID, err = p.config.Store.AddPublication(ctx, pub); err != nil {
		return pub, err
	}
	a := applier{p: p, target: t, pub: &pub}
	a.run(ctx)
	// The outcome is kept even when whoever asked has gone.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := p.config.Store.UpdatePublication(keep, pub); err != nil {
		return pub, err
	}
	p.report(pub)
	if a.done > 0 {
		p.config.Store.SetConnectionTested(keep, t.connection.Name, p.now())
		p.config.Changed(t.domain)
	}
	return pub, nil
}

// Sync puts right what was changed or lost at the provider, without asking: it
// leaves alone what needs consent or is blocked. Nothing is written into the
// journal where nothing is to be done. Forbidden: the domain's owner has not
// asked for it.
func (p *Publisher) Sync(ctx context.Context, domain string) (dnsplan.Publication, error) {
	d, err := p.config.Domain(ctx, canonicalName(domain))
	if err != nil {
		return dnsplan.Publication{}, err
	}
	if !d.Settings.Publishing.KeepInSync {
		return dnsplan.Publication{}, gomail.Errorf(gomail.Forbidden, "%s is not kept in sync with its provider: switch that on in its settings", d.Name)
	}
	t, err := p.target(ctx, domain, "")
	if err != nil {
		return dnsplan.Publication{}, err
	}
	unlock, err := p.lock(ctx, t)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	defer unlock()
	view, err := p.preview(ctx, &t)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	return p.carryOut(ctx, t, itself, kindSync, plan(view.Changes, false))
}

// Publications returns what was done to a domain's zone, the newest first.
func (p *Publisher) Publications(ctx context.Context, domain string) ([]dnsplan.Publication, error) {
	return p.config.Store.Publications(ctx, canonicalName(domain))
}
