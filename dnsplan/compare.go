package dnsplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is where a record stands.
type State string

// The states, as the specification of the domain page has them.
const (
	OK              State = "ok"             // every authoritative server has an accepted value
	OKDiffers       State = "ok_differs"     // different, but equivalent or stricter
	Propagating     State = "propagating"    // some servers have it, or a resolver still holds what was before
	Missing         State = "missing"        // nowhere
	Wrong           State = "wrong"          // there, and it does not do what it should
	Conflict        State = "conflict"       // publishing would have to change a foreign record
	Unknown         State = "unknown"        // the DNS does not say: neither good nor bad
	InapplicableNow State = "not_applicable" // with the plan's reason
)

// Finding is the outcome of comparing one record.
type Finding struct {
	Record
	State    State   `json:"state"`
	Code     string  `json:"code"`     // what exactly, in a word: "spf_two_records"; empty when ok
	Expected string  `json:"expected"` // the value that would be right
	Found    []Found `json:"found"`
	Fix      string  `json:"fix"`  // one sentence: what mends it, and who can; empty when nothing is to be done
	Wait     int     `json:"wait"` // seconds that it may still take while propagating, as TTLs tell; 0: not known

	// Since is when the record came into its state; zero where only one look
	// is known.
	Since time.Time `json:"since"`
}

// Found is what one server has.
type Found struct {
	Server   string   `json:"server"`
	Resolver bool     `json:"resolver"` // a recursive one, which may still hold old data
	Known    bool     `json:"known"`    // false: it did not say; Values then tell how it failed
	Values   []string `json:"values"`
	TTL      int      `json:"ttl"` // seconds
}

// Bounds of propagation. What lasts longer is something else.
const (
	secondaryTime = 2 * time.Hour // for a zone's servers to follow each other
	resolverSlack = time.Hour     // beyond the TTL that a resolver gave
)

// Aged returns the finding as it is judged at a time, by how long it has been
// in its state: servers that never follow, and resolvers with a view of their
// own.
func (f Finding) Aged(now time.Time) Finding {
	lasted := now.Sub(f.Since)
	switch {
	case f.Since.IsZero() || f.State != Propagating:
	case f.Code == "servers_differ" && lasted > secondaryTime:
		f.State, f.Code = Wrong, "servers_disagree"
		f.Fix = "Some of the zone's name servers do not follow the others: tell your DNS provider, or remove the servers that no longer belong to it at your registrar."
	case f.Code == "resolver_old" && lasted > time.Duration(f.Wait)*time.Second+resolverSlack:
		f.State, f.Code = OKDiffers, "split_view"
		f.Fix = "The world sees the record; the resolver that this server asks has a view of its own (split DNS): add the record there too, or set dns.resolvers to another."
	}
	return f
}

// verdict is the judgement of one server's values.
type verdict struct {
	state State
	code  string
	fix   string
}

var good = verdict{state: OK}

func wrong(code, format string, args ...any) verdict {
	return verdict{Wrong, code, fmt.Sprintf(format, args...)}
}

func differs(code, format string, args ...any) verdict {
	return verdict{OKDiffers, code, fmt.Sprintf(format, args...)}
}

// accepted reports whether the record does its work.
func (v verdict) accepted() bool { return v.state == OK || v.state == OKDiffers }

// Compare holds a plan against what was seen, by meaning: one finding per
// record, in the plan's order.
func Compare(records []Record, seen Seen) []Finding {
	c := comparison{records: records, seen: seen}
	findings := make([]Finding, len(records))
	for i, r := range records {
		findings[i] = c.find(r)
	}
	return findings
}

// Ready reports whether every required record is right.
func Ready(findings []Finding) bool {
	for _, f := range findings {
		if f.Requirement == Required && f.State != OK && f.State != OKDiffers {
			return false
		}
	}
	return true
}

// comparison is one plan and one look at the DNS.
type comparison struct {
	records []Record
	seen    Seen
}

// find compares one record.
func (c *comparison) find(r Record) Finding {
	f := Finding{Record: r, Expected: r.Value, Found: []Found{}}
	if r.Requirement == NotApplicable {
		f.State, f.Fix = InapplicableNow, ""
		return f
	}
	answers := c.answersTo(r)
	for _, a := range answers {
		f.Found = append(f.Found, Found{a.Server, a.Resolver, a.Status.Known(), shown(r, a), a.TTL})
	}
	v := c.combine(r, answers, &f)
	f.State, f.Code, f.Fix = v.state, v.code, clip(v.fix)
	return f
}

// clip bounds a sentence that quotes what others have published.
func clip(sentence string) string {
	const most = 1000 // octets
	if len(sentence) <= most {
		return sentence
	}
	return strings.ToValidUTF8(sentence[:most], "") + "…"
}

// answersTo returns the answers about a record: where a CNAME is planned and
// addresses stand instead, those.
func (c *comparison) answersTo(r Record) []Answer {
	answers := c.seen.at(r.Name, r.Type)
	if r.Type != "CNAME" {
		return answers
	}
	merged := make([]Answer, len(answers))
	for i, a := range answers {
		merged[i] = a
		for _, kind := range []string{"A", "AAAA"} {
			others := c.seen.at(r.Name, kind)
			if len(a.Values) == 0 && i < len(others) && others[i].Status == Answered && len(others[i].Aliases) == 0 {
				merged[i].Status = Answered
				merged[i].Values = append(merged[i].Values, others[i].Values...)
				merged[i].TTL = others[i].TTL
			}
		}
	}
	return merged
}

// Bounds of what is shown and remembered of an answer: somebody's zone may
// hold anything.
const (
	mostShown   = 30
	longestText = 1500 // octets
)

// shown renders an answer, the record's own values first.
func shown(r Record, a Answer) []string {
	if !a.Status.Known() {
		return []string{"(" + string(a.Status) + ")"}
	}
	own, others := []string{}, []string{}
	for _, v := range a.Values {
		text := v.Text
		if len(text) > longestText {
			text = strings.ToValidUTF8(text[:longestText], "\uFFFD") + "…"
		}
		if r.Ours(v.Text) {
			own = append(own, text)
		} else {
			others = append(others, text)
		}
	}
	all := append(own, others...)
	if more := len(all) - mostShown; more > 0 {
		slices.Sort(all[len(own):]) // servers give them in any order, and what is left out must not look like a change
		all = append(all[:mostShown], fmt.Sprintf("(and %d more)", more))
	}
	return all
}

// combine turns the judgements of all servers into one.
func (c *comparison) combine(r Record, answers []Answer, f *Finding) verdict {
	var authoritative, resolvers []verdict
	var silent []string
	for _, a := range answers {
		switch {
		case a.Resolver && a.Status.Known():
			v := c.judge(r, a)
			if !v.accepted() {
				f.Wait = max(f.Wait, a.TTL)
			}
			resolvers = append(resolvers, v)
		case a.Resolver:
		case a.Status.Known():
			authoritative = append(authoritative, c.judge(r, a))
		default:
			silent = append(silent, a.Server+" ("+string(a.Status)+")")
		}
	}
	if len(authoritative) == 0 {
		f.Wait = 0
		return verdict{Unknown, "no_answer", noAnswer(silent)}
	}
	v := agree(authoritative, len(silent))
	if v.accepted() && len(silent) > 0 {
		f.Wait = 0
		return verdict{Unknown, "server_silent", "Some name servers did not answer: " + strings.Join(silent, ", ") + ". They are asked again; if it lasts, tell your DNS provider."}
	}
	if v.accepted() && anyNot(resolvers) {
		return verdict{Propagating, "resolver_old", "It is published; resolvers still hold what was there before. Nothing is to be done but to wait."}
	}
	if v.state != Propagating {
		f.Wait = 0
	}
	return v
}

func noAnswer(silent []string) string {
	if len(silent) == 0 {
		return "The name servers of its zone could not be found. It is looked up again; if it lasts, check that the domain is registered and delegated."
	}
	return "No name server answered: " + strings.Join(silent, ", ") + ". It is asked again; if it lasts, tell your DNS provider."
}

func anyNot(vs []verdict) bool {
	for _, v := range vs {
		if !v.accepted() {
			return true
		}
	}
	return false
}

// agree combines what the authoritative servers say.
func agree(vs []verdict, silent int) verdict {
	accepted := 0
	worst := vs[0]
	for _, v := range vs {
		if v.accepted() {
			accepted++
		}
		if rank(v.state) > rank(worst.state) {
			worst = v
		}
	}
	if accepted > 0 && accepted < len(vs) {
		return verdict{Propagating, "servers_differ", fmt.Sprintf("%d of %d name servers have it. The others follow as a rule within minutes; if they do not, tell your DNS provider.", accepted, len(vs)+silent)}
	}
	return worst
}

// rank orders states from good to bad.
func rank(s State) int {
	switch s {
	case OK, InapplicableNow:
		return 0
	case OKDiffers:
		return 1
	case Missing:
		return 2
	case Conflict:
		return 4
	}
	return 3
}

// judge says what one server's answer means for a record.
func (c *comparison) judge(r Record, a Answer) verdict {
	return c.overWildcard(r, a, c.judgeAnswer(r, a))
}

func (c *comparison) judgeAnswer(r Record, a Answer) verdict {
	if r.Type != "CNAME" && len(a.Aliases) > 0 && r.Type != "A" && r.Type != "AAAA" && !delegated(r) {
		return verdict{Conflict, "cname_in_the_way", fmt.Sprintf("%s is an alias (CNAME) of %s, and a name with an alias can hold nothing else: replace the alias by what it stands for.", r.Name, a.Aliases[0])}
	}
	if len(a.Values) == 0 {
		return c.missing(r)
	}
	switch r.Type {
	case "A", "AAAA":
		return c.judgeAddress(r, a)
	case "MX":
		return c.judgeMX(r, a.Values)
	case "TXT":
		return c.judgeText(r, a.Values)
	case "CAA":
		return c.judgeCAA(r, a.Values)
	case "CNAME":
		return c.judgeAlias(r, a)
	case "PTR":
		return c.judgeReverse(r, a.Values)
	case "SRV":
		return judgeService(r, a.Values)
	case "TLSA":
		return c.judgeTLSA(r, a.Values)
	}
	return wrong("unsupported", "This kind of record is not compared.")
}

// delegated reports whether a name may be an alias to where the record is kept:
// a service's keys and reports, the reverse names of a small network (RFC 2317),
// a host's TLSA records (RFC 7671 section 7) and services.
func delegated(r Record) bool {
	switch r.Purpose {
	case DKIM, MTASTS, TLSRPT, DMARC, DMARCReport, Reverse, TLSA, ClientSetup:
		return true
	}
	return false
}
