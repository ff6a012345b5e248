package dnspub

import (
	"context"
	"slices"
	"time"

	"github.com/libdns/libdns"

	"gomail"
	"gomail/dnsplan"
)

// backend is what differs between providers: reading sets and replacing them.
// Zones are canonical names.
type backend interface {
	// read returns a zone's sets. Where want names some, others may be left
	// out.
	read(ctx context.Context, zone string, want []key) ([]rrset, error)

	// write makes each set what it says; one without values goes. The sets
	// that are not named stay as they are.
	write(ctx context.Context, zone string, sets []rrset) error

	// zones lists the zones that the credentials reach. Invalid where the
	// provider has no such list.
	zones(ctx context.Context) ([]string, error)

	// test asks for something that only the right credentials are given.
	test(ctx context.Context) error

	// takes says why the provider cannot hold a set at all, as of a type that
	// it does not know.
	takes(s rrset) error

	// atomic reports whether write does all or nothing, and so should be
	// given much at once.
	atomic() bool
}

// client is a backend behind the interfaces of libdns. SetRecords is atomic
// where the provider is: with Cloudflare, Route 53, Namecheap, deSEC, PowerDNS
// and RFC 2136.
type client struct {
	backend
	writing chan struct{} // held while a set is read, changed and written
}

func newClient(b backend) *client { return &client{b, make(chan struct{}, 1)} }

// lock keeps other writers out. They would be lost between reading and
// writing.
func (c *client) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case c.writing <- struct{}{}:
		return func() { <-c.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// GetRecords implements libdns.RecordGetter.
func (c *client) GetRecords(ctx context.Context, zone string) ([]libdns.Record, error) {
	return c.getSets(ctx, canonicalName(zone), nil)
}

// getSets returns the records of some sets, or of more.
func (c *client) getSets(ctx context.Context, zone string, want []key) ([]libdns.Record, error) {
	sets, err := c.read(ctx, zone, want)
	var all []libdns.Record
	for _, s := range sets {
		all = append(all, s.records(zone)...)
	}
	return all, err
}

// SetRecords implements libdns.RecordSetter.
func (c *client) SetRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	zone = canonicalName(zone)
	return c.replace(ctx, zone, withTTL(setsOf(records, zone)))
}

// withTTL gives a TTL to sets that come without one.
func withTTL(sets []rrset) []rrset {
	for i := range sets {
		if sets[i].ttl <= 0 {
			sets[i].ttl = defaultTTL
		}
	}
	return sets
}

func (c *client) replace(ctx context.Context, zone string, sets []rrset) ([]libdns.Record, error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.put(ctx, zone, sets); err != nil {
		return nil, err
	}
	var all []libdns.Record
	for _, s := range sets {
		all = append(all, s.records(zone)...)
	}
	return all, nil
}

// put writes sets that are fit to be written.
func (c *client) put(ctx context.Context, zone string, sets []rrset) error {
	if len(sets) == 0 {
		return nil
	}
	for _, s := range sets {
		switch {
		case !within(s.name, zone):
			return gomail.Errorf(gomail.Invalid, "%s does not lie in the zone %s", s.name, zone)
		case marks(s.kind) || s.kind == "SOA" || s.kind == "NS" && s.name == zone:
			return gomail.Errorf(gomail.Invalid, "the %s of %s is the provider's: it is not written", s.kind, s.name)
		case s.kind == "CNAME" && len(s.values) > 1:
			return gomail.Errorf(gomail.Invalid, "%s can be an alias (CNAME) of one name only", s.name)
		}
		if err := c.takes(s); err != nil && len(s.values) > 0 {
			return err
		}
	}
	return c.write(ctx, zone, sets)
}

// AppendRecords implements libdns.RecordAppender.
func (c *client) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	zone = canonicalName(zone)
	sets := withTTL(setsOf(records, zone))
	there, err := c.read(ctx, zone, keysOf(sets))
	if err != nil {
		return nil, err
	}
	var changed []rrset
	var added []libdns.Record
	for _, s := range sets {
		old := find(there, s.key)
		added = append(added, rrset{s.key, s.ttl, slices.DeleteFunc(slices.Clone(s.values), old.has)}.records(zone)...)
		if whole := union(old, s); len(whole.values) > len(old.values) {
			changed = append(changed, whole)
		}
	}
	return added, c.put(ctx, zone, changed)
}

// union adds values to a set, whose TTL stays.
func union(old, more rrset) rrset {
	whole := rrset{old.key, old.ttl, slices.Clone(old.values)}
	if len(old.values) == 0 {
		whole.ttl = more.ttl
	}
	for _, v := range more.values {
		if !whole.has(v) {
			whole.values = append(whole.values, v)
		}
	}
	return whole
}

// DeleteRecords implements libdns.RecordDeleter.
func (c *client) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	zone = canonicalName(zone)
	there, err := c.read(ctx, zone, wanted(records, zone))
	if err != nil {
		return nil, err
	}
	var changed []rrset
	var gone []libdns.Record
	for _, s := range there {
		if marks(s.kind) {
			continue
		}
		rest := rrset{key: s.key, ttl: s.ttl}
		out := rrset{key: s.key, ttl: s.ttl}
		for _, v := range s.values {
			if slices.ContainsFunc(records, func(r libdns.Record) bool { return matches(r.RR(), zone, s, v) }) {
				out.values = append(out.values, v)
			} else {
				rest.values = append(rest.values, v)
			}
		}
		if len(out.values) > 0 {
			changed, gone = append(changed, rest), append(gone, out.records(zone)...)
		}
	}
	if err := c.put(ctx, zone, changed); err != nil {
		return nil, err
	}
	return gone, nil
}

// matches reports whether a record to delete is a value of a set; its type,
// TTL and data may be left open.
func matches(rr libdns.RR, zone string, s rrset, value string) bool {
	return absolute(rr.Name, zone) == s.name &&
		(rr.Type == "" || rr.Type == s.kind) &&
		(rr.TTL == 0 || int(rr.TTL/time.Second) == s.ttl) &&
		(rr.Data == "" || sameValue(s.kind, rr.Data, value))
}

// wanted returns the sets that records to delete may lie in; nil, which is
// all, where one leaves its type open.
func wanted(records []libdns.Record, zone string) []key {
	keys := []key{}
	for _, r := range records {
		rr := r.RR()
		if rr.Type == "" {
			return nil
		}
		keys = append(keys, key{absolute(rr.Name, zone), rr.Type})
	}
	return keys
}

func keysOf(sets []rrset) []key {
	keys := make([]key, len(sets))
	for i, s := range sets {
		keys[i] = s.key
	}
	return keys
}

// ListZones implements libdns.ZoneLister.
func (c *client) ListZones(ctx context.Context) ([]libdns.Zone, error) {
	names, err := c.zones(ctx)
	var all []libdns.Zone
	for _, n := range names {
		all = append(all, libdns.Zone{Name: n + "."})
	}
	return all, err
}

// takesAll is for providers that hold sets of every type.
type takesAll struct{}

func (takesAll) takes(rrset) error { return nil }

// field is a credential that is no secret.
func field(name, label, help string) dnsplan.ProviderField {
	return dnsplan.ProviderField{Name: name, Label: label, Help: help}
}

// secret is a credential that is one.
func secret(name, label, help string) dnsplan.ProviderField {
	return dnsplan.ProviderField{Name: name, Label: label, Help: help, Secret: true}
}

// optional is a credential that may be left out.
func optional(f dnsplan.ProviderField) dnsplan.ProviderField {
	f.Optional = true
	return f
}
