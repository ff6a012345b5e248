package dnsplan

import (
	"slices"
	"strings"

	"gomail/mailauth/spf"
)

// Change is what publishing does to the values at one name and type. After is
// the whole set: it keeps every value that is not ours.
type Change struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	TTL     int     `json:"ttl"` // seconds
	Before  []Value `json:"before"`
	After   []Value `json:"after"`
	Action  Action  `json:"action"`
	Consent string  `json:"consent,omitempty"` // what the owner has to agree to by typing the domain's name; empty: nothing
	Blocked string  `json:"blocked,omitempty"` // why it cannot be published without changing what is not ours; empty: it can
}

// Action is what a change amounts to.
type Action string

// The actions.
const (
	Create Action = "create" // nothing was there
	Update Action = "change" // values change, or are added to others
	Keep   Action = "keep"   // all is there already
	Delete Action = "delete" // what was ours goes: After holds the values that are not, none as a rule
)

// Merge returns the changes that make a plan true where it was looked at,
// keeping every value that is somebody else's. Records that are set elsewhere
// than at the DNS provider are left out.
func Merge(records []Record, seen Seen) []Change {
	c := comparison{records: records, seen: seen}
	var changes []Change
	var done []Question
	for _, r := range records {
		q := Question{canonicalName(r.Name), r.Type}
		if r.Requirement == NotApplicable || r.SetAt != DNSProvider || slices.Contains(done, q) {
			continue
		}
		done = append(done, q)
		changes = append(changes, c.change(q, r))
	}
	return changes
}

// change merges what is planned at a name and type with what is there.
func (c *comparison) change(q Question, first Record) Change {
	ch := Change{Name: first.Name, Type: first.Type, TTL: first.TTL}
	if a, ok := c.seen.first(q.Name, q.Type); ok {
		if len(a.Aliases) > 0 && q.Type != "CNAME" && !delegated(first) {
			ch.Blocked = first.Name + " is an alias (CNAME) of " + a.Aliases[0] + ", and a name with an alias can hold nothing else."
		}
		if len(a.Aliases) == 0 {
			ch.Before = a.Values
		}
	}
	ch.Blocked += c.occupied(first)
	if q.Type == "MX" {
		c.mergeMX(&ch, first)
	} else {
		c.mergeValues(&ch, first)
	}
	ch.Action = actionOf(ch)
	return ch
}

func actionOf(ch Change) Action {
	switch {
	case slices.Equal(sorted(ch.Before), sorted(ch.After)):
		return Keep
	case len(ch.Before) == 0:
		return Create
	}
	return Update
}

func sorted(values []Value) []Value {
	all := slices.Clone(values)
	slices.SortFunc(all, func(a, b Value) int { return strings.Compare(a.Text, b.Text) })
	return all
}

// occupied says that other data stands where an alias is planned.
func (c *comparison) occupied(r Record) string {
	if r.Type != "CNAME" {
		return ""
	}
	for _, kind := range []string{"A", "AAAA"} {
		if a, ok := c.seen.first(r.Name, kind); ok && len(a.Values) > 0 && len(a.Aliases) == 0 {
			return r.Name + " has addresses, and an alias cannot stand beside them."
		}
	}
	return ""
}

// mergeMX replaces the set: mail cannot go to two places. Where foreign hosts
// are among what is there, the owner has to agree.
func (c *comparison) mergeMX(ch *Change, first Record) {
	for _, p := range c.planned(first) {
		v := Value{Text: p.Value}
		if p.Priority != nil {
			v.Priority = *p.Priority
		}
		ch.After = append(ch.After, v)
	}
	var foreign []string
	for _, v := range ch.Before {
		if !slices.ContainsFunc(ch.After, func(a Value) bool { return sameHost(a.Text, v.Text) }) {
			foreign = append(foreign, v.Text)
		}
	}
	if len(foreign) > 0 {
		ch.Consent = "Mail for " + first.Name + " goes to " + strings.Join(foreign, ", ") + " now. It will come here instead."
	}
	if len(foreign) == 0 && len(ch.Before) == len(ch.After) {
		ch.After = ch.Before // priorities are the owner's
	}
}

// mergeValues keeps what is not ours, and puts the planned values in the place
// of those that are.
func (c *comparison) mergeValues(ch *Change, first Record) {
	plan := c.planned(first)
	for _, v := range ch.Before {
		if !slices.ContainsFunc(plan, func(p Record) bool { return p.Ours(v.Text) }) && !c.replaces(first, v) {
			ch.After = append(ch.After, v)
		}
	}
	for _, p := range plan {
		ch.After = append(ch.After, Value{Text: c.mergedText(p, ch.Before)})
	}
}

// replaces reports whether a value that is not ours gives way all the same:
// where only one can be, as with an alias.
func (c *comparison) replaces(r Record, v Value) bool { return r.Type == "CNAME" }

// mergedText is the value to publish: what is there already where that does
// the same or more, SPF merged into the owner's record.
func (c *comparison) mergedText(r Record, before []Value) string {
	var ours []string
	for _, v := range before {
		if r.Ours(v.Text) {
			ours = append(ours, v.Text)
		}
	}
	if len(ours) == 1 && c.judge(r, Answer{Status: Answered, Values: []Value{{Text: ours[0]}}}).accepted() {
		return ours[0]
	}
	if r.Purpose == SPF && len(ours) > 0 {
		return mergeSPF(r.Value, ours)
	}
	return r.Value
}

// mergeSPF makes one record of ours and those that are there: their
// mechanisms stay, ours are added, and the stricter ending holds. What lets
// everybody send does not stay.
func mergeSPF(planned string, live []string) string {
	terms := []string{"v=spf1"}
	modifiers := []string{}
	ending := ""
	for _, record := range append([]string{planned}, live...) {
		if !spf.IsRecord(record) {
			continue
		}
		for _, term := range strings.Fields(record)[1:] {
			lower := strings.ToLower(term)
			switch {
			case mechanism(term) == "all":
				if rankEnding(lower) > rankEnding(ending) {
					ending = lower
				}
			case strings.Contains(term, "=") && !strings.Contains(term, ":"):
				if name := mechanism(term); name != "redirect" {
					modifiers = append(modifiers, term)
				} else if !slices.Contains(terms, "include:"+term[len("redirect="):]) {
					terms = append(terms, "include:"+term[len("redirect="):])
				}
			case !slices.ContainsFunc(terms, func(t string) bool { return strings.EqualFold(t, term) }):
				terms = append(terms, term)
			}
		}
	}
	return strings.Join(slices.Concat(terms, modifiers, []string{ending}), " ")
}

func rankEnding(all string) int { return slices.Index([]string{"?all", "~all", "-all"}, all) }
