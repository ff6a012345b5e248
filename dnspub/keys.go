package dnspub

import (
	"context"
	"slices"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// confirmTries is how often the provider is read until it shows what was
// written, and confirmPause how long is waited before the second time; it
// doubles.
const (
	confirmTries = 4
	confirmPause = time.Second
)

// PublishKeys publishes some records of a domain, such as the keys of a
// rotation, and nothing else. It returns nil only when the provider shows all
// of them; asked again, it does nothing. Exists: a record is in the way of
// somebody else's.
func (p *Publisher) PublishKeys(ctx context.Context, domain string, records []dnsplan.Record) error {
	return p.amend(ctx, domain, records, func(zone contents) []dnsplan.Change { return changes(records, zone) })
}

// Withdraw removes one value, and leaves what else stands at its name. It
// returns nil only when the provider does not show it any more; asked again,
// it does nothing.
func (p *Publisher) Withdraw(ctx context.Context, domain string, record dnsplan.Record) error {
	return p.amend(ctx, domain, []dnsplan.Record{record}, func(zone contents) []dnsplan.Change { return withdrawal(record, zone) })
}

// withdrawal is the change that removes a record's value; none when it is not
// there.
func withdrawal(r dnsplan.Record, zone contents) []dnsplan.Change {
	s := find(zone.sets, key{canonicalName(r.Name), r.Type})
	value := dnsplan.Value{Text: r.Value}
	if r.Priority != nil {
		value.Priority = *r.Priority
	}
	gone := setFrom(r.Name, r.Type, 0, []dnsplan.Value{value})
	if !s.has(gone.values[0]) {
		return nil
	}
	rest := rrset{s.key, s.ttl, slices.DeleteFunc(slices.Clone(s.values), gone.has)}
	return []dnsplan.Change{{
		Name: r.Name, Type: r.Type, TTL: s.ttl, TTLBefore: s.ttl, Before: valuesOf(s), After: valuesOf(rest), Action: dnsplan.Delete,
	}}
}

// amend makes changes of a rotation and reads back until none is left to make.
func (p *Publisher) amend(ctx context.Context, domain string, records []dnsplan.Record, wanted func(contents) []dnsplan.Change) error {
	t, err := p.target(ctx, domain, "")
	if err != nil {
		return err
	}
	unlock, err := p.lock(ctx, t)
	if err != nil {
		return err
	}
	defer unlock()
	zone, err := t.look(ctx, records)
	if err != nil {
		return err
	}
	results := plan(wanted(zone), false)
	if err := trouble(results); err != nil {
		return err
	}
	if pending(results) == 0 {
		return nil
	}
	pub, err := p.carryOut(ctx, t, itself, kindRotation, results)
	if err != nil {
		return err
	}
	if err := trouble(pub.Results); err != nil {
		return err
	}
	return p.confirm(ctx, t, records, wanted)
}

// trouble is the first result that is not as it should be, as an error. Those
// that are still to be made are none.
func trouble(results []dnsplan.Result) error {
	for _, r := range results {
		switch {
		case open(r):
		case r.Outcome == dnsplan.Skipped:
			return gomail.Errorf(gomail.Exists, "the %s of %s was not published: %s", r.Type, r.Name, r.Error)
		case r.Outcome == dnsplan.Failed:
			return gomail.Errorf(gomail.Unavailable, "the %s of %s was not published: %s", r.Type, r.Name, r.Error)
		}
	}
	return nil
}

// confirm reads the zone until nothing is left to change: some providers show
// what was written only after a while.
func (p *Publisher) confirm(ctx context.Context, t target, records []dnsplan.Record, wanted func(contents) []dnsplan.Change) error {
	pause := confirmPause
	for n := 1; ; n++ {
		zone, err := t.read(ctx, records)
		if err == nil && pending(plan(wanted(zone), false)) == 0 {
			return nil
		}
		if n == confirmTries || p.config.Options.Wait(ctx, pause) != nil {
			if err != nil {
				return err
			}
			return gomail.Errorf(gomail.Unavailable, "%s took the records of %s but does not show them yet: it is looked at again later", t.connection.Name, t.domain)
		}
		pause *= 2
	}
}
