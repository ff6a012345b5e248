package dnspub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/libdns/libdns"

	"gomail"
	"gomail/dnsplan"
)

// memory is a provider in memory that does as it is told.
type memory struct {
	takesAll
	mu     sync.Mutex
	zone   string
	sets   []rrset
	whole  bool // it is used as a wholeMemory
	writes int
	before func(n int) error // asked before the nth write, and may refuse it
	after  func(n int) error // asked after it: an error, although it was done
	stale  []rrset           // shown by the next reads
	reads  int               // how many are still stale
}

func (m *memory) atomic() bool { return false }

// wholeMemory is one that does all or nothing.
type wholeMemory struct{ *memory }

func (wholeMemory) atomic() bool { return true }

func (m *memory) zones(context.Context) ([]string, error) {
	return []string{"other.example", m.zone}, nil
}

func (m *memory) test(context.Context) error { return nil }

func (m *memory) read(_ context.Context, zone string, _ []key) ([]rrset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if zone != m.zone {
		return nil, gomail.Errorf(gomail.NotFound, "there is no zone %s", zone)
	}
	if m.reads > 0 {
		m.reads--
		return slices.Clone(m.stale), nil
	}
	return slices.Clone(m.sets), nil
}

func (m *memory) write(_ context.Context, zone string, sets []rrset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if zone != m.zone {
		return gomail.Errorf(gomail.NotFound, "there is no zone %s", zone)
	}
	m.writes++
	if m.before != nil {
		if err := m.before(m.writes); err != nil {
			return err
		}
	}
	for _, s := range sets {
		m.sets = slices.DeleteFunc(slices.Clone(m.sets), func(o rrset) bool { return o.key == s.key })
		if len(s.values) > 0 {
			m.sets = append(m.sets, s)
		}
	}
	if m.after != nil {
		return m.after(m.writes)
	}
	return nil
}

// put sets values in the zone behind everybody's back.
func (m *memory) put(name, kind string, ttl int, values ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{name, kind}
	m.sets = slices.DeleteFunc(slices.Clone(m.sets), func(o rrset) bool { return o.key == k })
	if len(values) > 0 {
		m.sets = append(m.sets, rrset{k, ttl, values})
	}
}

// shape is the whole zone, in an order that means nothing.
func (m *memory) shape() []rrset {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.sets)
	slices.SortFunc(all, func(a, b rrset) int { return slices.Compare([]string{a.name, a.kind}, []string{b.name, b.kind}) })
	for i := range all {
		all[i].values = slices.Sorted(slices.Values(all[i].values))
	}
	return all
}

func (m *memory) holds(t *testing.T, name, kind string, want ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if got := find(m.sets, key{name, kind}).values; !sameValues(kind, got, want) || len(got) != len(want) {
		t.Errorf("%s %s holds %q, want %q", name, kind, got, want)
	}
}

// elsewhere hides that a provider is one of this package, as a libdns module
// from elsewhere is not, and takes the kinds from its errors.
type elsewhere struct{ c *client }

var errElsewhere = errors.New("some error of some module")

func plain[T any](v T, err error) (T, error) {
	if gomail.KindOf(err) == gomail.Unavailable {
		err = errElsewhere
	}
	return v, err
}

func (e elsewhere) GetRecords(ctx context.Context, zone string) ([]libdns.Record, error) {
	return plain(e.c.GetRecords(ctx, zone))
}

func (e elsewhere) SetRecords(ctx context.Context, zone string, r []libdns.Record) ([]libdns.Record, error) {
	return plain(e.c.SetRecords(ctx, zone, r))
}

func (e elsewhere) AppendRecords(ctx context.Context, zone string, r []libdns.Record) ([]libdns.Record, error) {
	return plain(e.c.AppendRecords(ctx, zone, r))
}

func (e elsewhere) DeleteRecords(ctx context.Context, zone string, r []libdns.Record) ([]libdns.Record, error) {
	return plain(e.c.DeleteRecords(ctx, zone, r))
}

// memories are the ways in which a provider may come: of this package and
// atomic, of this package and set by set, and from elsewhere.
func memories(m *memory) []Extra {
	info := func(name string) dnsplan.ProviderInfo {
		return dnsplan.ProviderInfo{Name: name, Title: "Memory", Fields: []dnsplan.ProviderField{secret("password", "Password", "")}, Scope: "None."}
	}
	whole, single := newClient(wholeMemory{m}), newClient(m)
	return []Extra{
		{info("whole"), func(map[string]string, Options) (Provider, error) { return whole, nil }},
		{info("single"), func(map[string]string, Options) (Provider, error) { return single, nil }},
		{info("elsewhere"), func(map[string]string, Options) (Provider, error) { return elsewhere{single}, nil }},
	}
}
