package dnspub

import (
	"context"
	"slices"

	"gomail"
	"gomail/dnsplan"
)

// Undo brings back what the last publication that stands has changed, set by
// set, where the set is still as it was left. NotFound: there is none.
func (p *Publisher) Undo(ctx context.Context, actor, domain string) (dnsplan.Publication, error) {
	all, err := p.Publications(ctx, domain)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	i := slices.IndexFunc(all, stands)
	if i < 0 {
		return dnsplan.Publication{}, gomail.Errorf(gomail.NotFound, "nothing was published for %s that could be undone", domain)
	}
	last := all[i]
	t, err := p.target(ctx, domain, last.Connection)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	t.zone = last.Zone
	unlock, err := p.lock(ctx, t)
	if err != nil {
		return dnsplan.Publication{}, err
	}
	defer unlock()
	zone, err := t.read(ctx, recordsOf(last.Results))
	if err != nil {
		return dnsplan.Publication{}, err
	}
	pub, err := p.carryOut(ctx, t, actor, kindUndo, reverse(last, zone))
	if err != nil || slices.ContainsFunc(pub.Results, func(r dnsplan.Result) bool { return r.Outcome == dnsplan.Failed }) {
		return pub, err // it stands, so that undoing can be tried again
	}
	last.Undone = p.now()
	return pub, p.config.Store.UpdatePublication(context.WithoutCancel(ctx), last)
}

// stands reports whether a publication has done something that was not undone
// since. What failed may have been done all the same. What a rotation writes
// is not taken back: the keys that sign would vanish.
func stands(pub dnsplan.Publication) bool {
	return (pub.Kind == kindPublish || pub.Kind == kindSync) && pub.Undone.IsZero() && slices.ContainsFunc(pub.Results, mayHaveChanged)
}

func mayHaveChanged(r dnsplan.Result) bool {
	return r.Outcome == dnsplan.Done || r.Outcome == dnsplan.Failed
}

// reverse plans the way back, the last change first.
func reverse(pub dnsplan.Publication, zone contents) []dnsplan.Result {
	results := []dnsplan.Result{}
	for _, r := range slices.Backward(pub.Results) {
		if !mayHaveChanged(r) {
			continue
		}
		back := dnsplan.Result{Change: dnsplan.Change{
			Name: r.Name, Type: r.Type, TTL: r.TTLBefore, TTLBefore: r.TTL, Before: r.After, After: r.Before, Action: dnsplan.Update,
		}}
		switch {
		case len(r.Before) == 0:
			back.Action = dnsplan.Delete
		case len(r.After) == 0:
			back.Action = dnsplan.Create
		}
		switch now := find(zone.sets, before(back.Change).key); {
		case zone.holds(after(back.Change)):
			back.Outcome, back.Action, back.Before = dnsplan.Kept, dnsplan.Keep, back.After
		case zone.holds(before(back.Change)):
			back.Outcome, back.Error = dnsplan.Failed, interrupted
		default:
			back.Outcome, back.Before, back.After = dnsplan.Skipped, valuesOf(now), valuesOf(now)
			back.Error = "It was changed at the provider since, and stays as it is now."
		}
		results = append(results, back)
	}
	return results
}
