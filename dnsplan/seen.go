package dnsplan

import (
	"slices"
	"strings"
	"time"
)

// Question is what is asked of the DNS. Name is canonical, without the
// trailing dot.
type Question struct{ Name, Type string }

// Status is how a server answered.
type Status string

// The ways to answer. The last three tell nothing about the data.
const (
	Answered Status = "answered"
	NoData   Status = "nodata"   // the name exists, such data does not
	NXDomain Status = "nxdomain" // the name does not exist
	ServFail Status = "servfail"
	Timeout  Status = "timeout"
	Lame     Status = "lame" // it does not know the zone that it should serve
)

// Known reports whether the answer tells what is, or is not, there.
func (s Status) Known() bool { return s == Answered || s == NoData || s == NXDomain }

// Answer is what one server said to one question.
type Answer struct {
	Server   string // "ns1.example.net (192.0.2.53)"
	Resolver bool   // a recursive one, which may still hold old data
	Status   Status
	Values   []Value
	TTL      int      // seconds: of the data, or how long its absence may be remembered
	Aliases  []string // the names that CNAMEs led through, the last one holds the data
}

// Value is one record's data as it was seen.
type Value struct {
	Text     string `json:"text"`     // TXT joined over its strings; of an MX the host alone; else presentation form
	Priority int    `json:"priority"` // of an MX
}

// Seen is what the DNS said. It is filled by asking Questions, and then what
// FollowUps returns until that is nothing.
type Seen struct {
	Answers     map[Question][]Answer // authoritative servers first
	Zone        string                // the zone in which the domain lies, empty: unknown
	NameServers []string              // of the zone
	DNSSEC      DNSSEC                // of the zone
	Negative    int                   // for how many seconds resolvers may remember that something of the zone is absent, RFC 2308 section 5
	Now         time.Time
}

// NegativeTTL returns for how long a resolver may remember that a record of
// the zone is absent.
func (s Seen) NegativeTTL() time.Duration { return time.Duration(s.Negative) * time.Second }

// at returns the answers about a name and type.
func (s Seen) at(name, kind string) []Answer { return s.Answers[Question{canonicalName(name), kind}] }

// first returns the first answer that tells something; false when none does.
func (s Seen) first(name, kind string) (Answer, bool) {
	for _, a := range s.at(name, kind) {
		if a.Status.Known() {
			return a, true
		}
	}
	return Answer{}, false
}

// Questions returns what has to be asked to compare a plan, each once.
func Questions(records []Record) []Question {
	var all []Question
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		for _, kind := range kinds(r) {
			if q := (Question{canonicalName(r.Name), kind}); !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	return all
}

// kinds returns the types that can satisfy a record.
func kinds(r Record) []string {
	if r.Type == "CNAME" { // addresses in its place will do
		return []string{"CNAME", "A", "AAAA"}
	}
	return []string{r.Type}
}

// canonicalName is a name as Question holds it.
func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// sameHost compares host names without regard to case and trailing dot.
func sameHost(a, b string) bool { return canonicalName(a) == canonicalName(b) }
