package dnspub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"gomail/dnsplan"
)

// Preview says what publishing a domain's plan would do to its zone, as it is
// at the provider now. An empty connection is the domain's own.
func (p *Publisher) Preview(ctx context.Context, domain, connection string) (dnsplan.Preview, error) {
	t, err := p.target(ctx, domain, connection)
	if err != nil {
		return dnsplan.Preview{}, err
	}
	return p.preview(ctx, &t)
}

func (p *Publisher) preview(ctx context.Context, t *target) (dnsplan.Preview, error) {
	records, err := p.config.Plan(ctx, t.domain)
	if err != nil {
		return dnsplan.Preview{}, err
	}
	journal, err := p.config.Store.Publications(ctx, t.domain)
	if err != nil {
		return dnsplan.Preview{}, err
	}
	earlier := dnsplan.Contributions(journal)
	zone, err := t.look(ctx, slices.Concat(records, dnsplan.Places(earlier)))
	if err != nil {
		return dnsplan.Preview{}, err
	}
	view := dnsplan.Preview{
		Domain: t.domain, Zone: t.zone, Connection: t.connection.Name, Provider: t.connection.Provider,
		Changes: changes(records, zone, earlier...),
	}
	var consents []string
	for _, ch := range view.Changes {
		if ch.Consent != "" && ch.Blocked == "" {
			consents = append(consents, ch.Consent)
		}
	}
	view.Consent = strings.Join(consents, " ")
	view.Token = token(view)
	return view, nil
}

// changes merges a plan with a zone, takes away what earlier publications
// added and is no longer planned, and blocks what the zone cannot hold.
func changes(records []dnsplan.Record, zone contents, earlier ...dnsplan.Contribution) []dnsplan.Change {
	// What belongs into another zone, as the mail host's records do, is no
	// business of this one: whether it is right, the domain's check says.
	records = slices.DeleteFunc(slices.Clone(records), func(r dnsplan.Record) bool { return !within(canonicalName(r.Name), zone.zone) })
	seen := zone.seen(slices.Concat(records, dnsplan.Places(earlier)))
	all := dnsplan.Retire(records, seen, dnsplan.Merge(records, seen), earlier)
	for i := range all {
		if blocked := zone.cannotHold(all[i]); blocked != "" {
			all[i].Blocked = blocked
		}
		if all[i].Action == dnsplan.Keep && zone.proxied(all[i]) {
			all[i].Action = dnsplan.Update // the same values, without the proxy
		}
	}
	return all
}

// cannotHold says why a change has no place in a zone; empty: it has one.
func (c contents) cannotHold(ch dnsplan.Change) string {
	name := canonicalName(ch.Name)
	switch cut := c.cut(name); {
	case !within(name, c.zone):
		return ch.Name + " does not lie in the zone " + c.zone + ": it belongs into the zone of its own domain, where it is published with that domain or by hand."
	case cut != "":
		return ch.Name + " does not lie in this zone: " + cut + " is delegated to other name servers, and the record belongs there."
	}
	alias := find(c.sets, key{name, aliasKind})
	if len(alias.values) > 0 && slices.Contains([]string{"A", "AAAA", "CNAME"}, ch.Type) {
		return ch.Name + " is an alias, a redirect or a routing policy of the provider's own kind: remove it there first."
	}
	if err := c.takes(after(ch)); err != nil && ch.Action != dnsplan.Keep {
		return err.Error() + "."
	}
	return ""
}

// proxied reports whether a proxy answers in the place of a set. Mail does not
// pass through it.
func (c contents) proxied(ch dnsplan.Change) bool {
	return slices.Contains(find(c.sets, key{canonicalName(ch.Name), proxiedKind}).values, ch.Type)
}

// token names a preview by all that it says. The order of values means
// nothing, and providers do not keep to one.
func token(view dnsplan.Preview) string {
	all := slices.Clone(view.Changes)
	for i := range all {
		all[i].Before, all[i].After = ordered(all[i].Before), ordered(all[i].After)
	}
	view.Changes, view.Token = all, ""
	text, _ := json.Marshal(view) // strings and numbers only
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func ordered(values []dnsplan.Value) []dnsplan.Value {
	all := slices.Clone(values)
	slices.SortFunc(all, func(a, b dnsplan.Value) int {
		if a.Text == b.Text {
			return a.Priority - b.Priority
		}
		return strings.Compare(a.Text, b.Text)
	})
	return all
}
