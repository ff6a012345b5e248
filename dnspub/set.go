package dnspub

import (
	"slices"
	"strings"
	"time"

	"github.com/libdns/libdns"
)

// key names a set: all records of one name and type.
type key struct {
	name string // fully qualified and canonical, without the trailing dot
	kind string // "TXT"
}

// rrset is a set. Values have libdns's form of data: TXT joined and unquoted,
// an MX's preference before its host, host names with their trailing dot.
type rrset struct {
	key
	ttl    int // seconds
	values []string
}

// Types that the DNS does not know, by which clients mark what providers do of
// their own. They are never written.
const (
	aliasKind   = "ALIAS"   // in the place of addresses: redirects, addresses looked up elsewhere, weighted answers
	proxiedKind = "PROXIED" // the answers are a proxy's; the values are the types that it answers for
)

// marks reports whether a type is one of those.
func marks(kind string) bool { return kind == aliasKind || kind == proxiedKind }

// defaultTTL stands where no TTL is given, in seconds.
const defaultTTL = 3600

// canonicalName is a name in lower case without its trailing dot.
func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// within reports whether a name lies in a zone, both canonical.
func within(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// absolute is a relative name of a zone as a canonical full one.
func absolute(name, zone string) string {
	if name == "" || name == "@" {
		return zone
	}
	if strings.HasSuffix(name, ".") {
		return canonicalName(name)
	}
	return canonicalName(name) + "." + zone
}

// relative is a full name as libdns has it: "@" for the zone itself.
func relative(name, zone string) string {
	if name == zone {
		return "@"
	}
	return strings.TrimSuffix(name, "."+zone)
}

// setsOf gathers records into sets, in the order of their first record. The
// first record's TTL is the set's: a set has only one (RFC 2181 section 5.2).
func setsOf(records []libdns.Record, zone string) []rrset {
	var sets []rrset
	for _, r := range records {
		rr := r.RR()
		k := key{absolute(rr.Name, zone), strings.ToUpper(rr.Type)}
		sets = add(sets, k, int(rr.TTL/time.Second), canonical(k.kind, rr.Data))
	}
	return sets
}

// add puts a value into its set.
func add(sets []rrset, k key, ttl int, value string) []rrset {
	i := slices.IndexFunc(sets, func(s rrset) bool { return s.key == k })
	if i < 0 {
		return append(sets, rrset{k, ttl, []string{value}})
	}
	if !sets[i].has(value) {
		sets[i].values = append(sets[i].values, value)
	}
	return sets
}

// records returns a set as libdns has it.
func (s rrset) records(zone string) []libdns.Record {
	var all []libdns.Record
	for _, v := range s.values {
		rr := libdns.RR{Name: relative(s.name, zone), Type: s.kind, TTL: time.Duration(s.ttl) * time.Second, Data: v}
		record, err := rr.Parse()
		if err != nil || record.RR().Data != rr.Data || record.RR().Name != rr.Name {
			record = rr // what the typed form cannot hold stays as it is
		}
		all = append(all, record)
	}
	return all
}

// has reports whether a set holds a value, by meaning.
func (s rrset) has(value string) bool {
	return slices.ContainsFunc(s.values, func(v string) bool { return sameValue(s.kind, v, value) })
}

// find returns the set with a key; an empty one when there is none.
func find(sets []rrset, k key) rrset {
	for _, s := range sets {
		if s.key == k {
			return s
		}
	}
	return rrset{key: k}
}

// sameValues reports whether two sets of one type hold the same, in whatever
// order.
func sameValues(kind string, a, b []string) bool {
	fold := func(values []string) []string {
		all := make([]string, len(values))
		for i, v := range values {
			all[i] = canonical(kind, v)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	return slices.Equal(fold(a), fold(b))
}
