package dnsplan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"gomail/mailauth/spf"
)

// Change is what publishing does to the values at one name and type. After is
// the whole set: it keeps every value that is not ours.
type Change struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	TTL       int     `json:"ttl"`        // seconds; a set that keeps foreign values keeps its own
	TTLBefore int     `json:"ttl_before"` // seconds; 0 where nothing was there
	Before    []Value `json:"before"`
	After     []Value `json:"after"`
	Action    Action  `json:"action"`
	Consent   string  `json:"consent,omitempty"` // what the owner has to agree to by typing the domain's name; empty: nothing
	Blocked   string  `json:"blocked,omitempty"` // why it cannot be published without changing what is not ours; empty: it can
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
	a, _ := c.seen.first(q.Name, q.Type)
	switch {
	case len(a.Aliases) > 0 && q.Type != "CNAME" && delegated(first) && c.satisfied(c.planned(first), a):
		ch.Action = Keep // where the alias leads, all is right
		return ch
	case len(a.Aliases) > 0 && q.Type != "CNAME":
		ch.Blocked = first.Name + " is an alias (CNAME) of " + a.Aliases[0] + ", and a name with an alias can hold nothing else."
	default:
		ch.Before = a.Values
	}
	if len(ch.Before) > 0 {
		ch.TTLBefore = a.TTL
	}
	if q.Type == "CNAME" && len(ch.Before) == 0 {
		blocked, fine := c.occupied(first)
		if ch.Blocked = blocked; fine {
			ch.Action = Keep
			return ch
		}
	}
	switch q.Type {
	case "MX":
		c.mergeMX(&ch, first)
	case "A", "AAAA":
		c.mergeAddresses(&ch, first)
	default:
		c.mergeValues(&ch, first)
	}
	ch.Action = actionOf(ch)
	return ch
}

// satisfied reports whether an answer holds all that is planned.
func (c *comparison) satisfied(plan []Record, a Answer) bool {
	return !slices.ContainsFunc(plan, func(p Record) bool {
		return len(a.Values) == 0 || !c.judge(p, Answer{Status: Answered, Values: a.Values, Aliases: a.Aliases}).accepted()
	})
}

func actionOf(ch Change) Action {
	switch {
	case slices.Equal(sorted(ch.Before), sorted(ch.After)):
		return Keep
	case len(ch.Before) == 0:
		return Create
	case len(ch.After) == 0:
		return Delete
	}
	return Update
}

func sorted(values []Value) []Value {
	all := slices.Clone(values)
	slices.SortFunc(all, func(a, b Value) int {
		return cmp.Or(strings.Compare(a.Text, b.Text), cmp.Compare(a.Priority, b.Priority))
	})
	return all
}

// occupied says that other data stands where an alias is planned, or that the
// host's own addresses stand there, which is fine.
func (c *comparison) occupied(r Record) (blocked string, fine bool) {
	var addresses []Value
	for _, kind := range []string{"A", "AAAA"} {
		if a, ok := c.seen.first(r.Name, kind); ok && len(a.Aliases) == 0 {
			addresses = append(addresses, a.Values...)
		}
	}
	if len(addresses) > 0 && c.judgeAlias(r, Answer{Values: addresses}).accepted() {
		return "", true
	}
	if len(addresses) > 0 {
		return r.Name + " has addresses, and an alias cannot stand beside them.", false
	}
	for _, kind := range []string{"NS", "MX", "TXT", "CAA", "SRV", "TLSA"} {
		if a, ok := c.seen.first(r.Name, kind); ok && len(a.Aliases) == 0 && len(a.Values) > 0 {
			return r.Name + " has other data (" + kind + "), and an alias cannot stand beside it.", false
		}
	}
	return "", false
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
		// A null MX takes nobody's mail away.
		if v.Text != "." && !slices.ContainsFunc(ch.After, func(a Value) bool { return sameHost(a.Text, v.Text) }) {
			foreign = append(foreign, v.Text)
		}
	}
	switch {
	case len(foreign) > 0 && first.Value == ".":
		ch.Consent = "Mail for " + first.Name + " goes to " + strings.Join(foreign, ", ") + " now. The domain will receive none any more."
	case len(foreign) > 0:
		ch.Consent = "Mail for " + first.Name + " goes to " + strings.Join(foreign, ", ") + " now. It will come here instead."
	case sameHosts(ch.Before, ch.After):
		ch.After = ch.Before // priorities are the owner's
	}
}

// sameHosts reports whether two MX sets name the same hosts.
func sameHosts(a, b []Value) bool {
	holds := func(in []Value) func(Value) bool {
		return func(v Value) bool {
			return !slices.ContainsFunc(in, func(o Value) bool { return sameHost(o.Text, v.Text) })
		}
	}
	return !slices.ContainsFunc(a, holds(b)) && !slices.ContainsFunc(b, holds(a))
}

// mergeAddresses replaces the set, as mergeMX does: whoever is led to the name
// would be led to either machine by turns. Where another address is there, the
// owner has to agree.
func (c *comparison) mergeAddresses(ch *Change, first Record) {
	plan := c.planned(first)
	var foreign []string
	for _, v := range ch.Before {
		if c.isPlanned(first, v.Text) {
			ch.After = append(ch.After, v)
		} else {
			foreign = append(foreign, v.Text)
		}
	}
	for _, p := range plan {
		if !slices.ContainsFunc(ch.After, func(v Value) bool { return sameAddress(v.Text, p.Value) }) {
			ch.After = append(ch.After, Value{Text: p.Value})
		}
	}
	if len(foreign) > 0 {
		ch.Consent = first.Name + " leads to " + strings.Join(foreign, ", ") + " now. It will lead to this server instead."
	}
}

func sameAddress(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x == y
}

// mergeValues keeps what is not ours, and puts the planned values in the place
// of those that are. What is there already and does the same stays as it is.
func (c *comparison) mergeValues(ch *Change, first Record) {
	plan := c.planned(first)
	for _, v := range ch.Before {
		if !c.givesWay(plan, v) {
			ch.After = append(ch.After, v)
		}
	}
	kept := len(ch.After)
	for _, p := range plan {
		if p.Type != "TXT" && c.satisfied([]Record{p}, Answer{Values: ch.After[:kept]}) {
			continue
		}
		if p.Type == "SRV" && absent(p.Value) && kept > 0 {
			ch.Blocked = p.Name + " offers a service of another server, which cannot be said not to exist: remove that record first."
			continue
		}
		ch.After = append(ch.After, Value{Text: c.mergedText(p, ch.Before)})
	}
	if kept > 0 && ch.TTLBefore > 0 {
		ch.TTL = ch.TTLBefore
	}
}

// givesWay reports whether a value makes room for what is planned: one of ours
// in text, which is merged; another alias, since there can be only one; and a
// service that is said not to exist (RFC 2782) where one is planned.
func (c *comparison) givesWay(plan []Record, v Value) bool {
	return slices.ContainsFunc(plan, func(p Record) bool {
		switch p.Type {
		case "TXT":
			return mine(p, v.Text)
		case "CNAME":
			return !sameHost(v.Text, p.Value)
		case "SRV":
			return absent(v.Text) && !absent(p.Value)
		}
		return false
	})
}

// absent reports whether an SRV record says that there is no such service.
func absent(srv string) bool { return strings.HasSuffix(srv, " .") }

// mine is Ours, and sees through the quotes and spaces that pasting leaves.
func mine(r Record, text string) bool {
	return r.Ours(text) || r.Ours(strings.TrimSpace(text)) || r.Ours(unquote(text))
}

// mergedText is the value to publish: what is there already where that does
// the same or more, SPF merged into the owner's record, DMARC with the owner's
// addresses for reports.
func (c *comparison) mergedText(r Record, before []Value) string {
	if r.Type != "TXT" {
		return r.Value
	}
	var ours []string
	for _, v := range before {
		if mine(r, v.Text) {
			ours = append(ours, v.Text)
		}
	}
	if len(ours) == 1 && r.Ours(ours[0]) && c.judge(r, Answer{Status: Answered, Values: []Value{{Text: ours[0]}}}).accepted() {
		return ours[0]
	}
	for i := range ours {
		if !r.Ours(ours[i]) {
			ours[i] = unquote(ours[i])
		}
	}
	switch {
	case r.Purpose == SPF && len(ours) > 0:
		return mergeSPF(r.Value, ours)
	case r.Purpose == DMARC && len(ours) > 0:
		return mergeDMARC(r.Value, ours)
	}
	return r.Value
}

// mergeDMARC adds the addresses to which reports go now to those of the plan:
// they are services that the owner has chosen.
func mergeDMARC(planned string, live []string) string {
	for _, name := range []string{"rua", "ruf"} {
		want, _ := tag(planned, name)
		all := list(want)
		for _, record := range live {
			more, _ := tag(record, name)
			for _, uri := range list(more) {
				if !slices.ContainsFunc(all, func(u string) bool { return strings.EqualFold(u, uri) }) {
					all = append(all, uri)
				}
			}
		}
		if len(all) > len(list(want)) {
			planned = setTag(planned, name, strings.Join(all, ","))
		}
	}
	return planned
}

// list returns the parts of a list with commas.
func list(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

// setTag replaces a tag of a tag list, or adds it.
func setTag(text, name, value string) string {
	var parts []string
	found := false
	for part := range strings.SplitSeq(text, ";") {
		key, _, _ := strings.Cut(part, "=")
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if strings.EqualFold(strings.TrimSpace(key), name) {
			part, found = name+"="+value, true
		}
		parts = append(parts, part)
	}
	if !found {
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, "; ")
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
					// A modifier stands once only, RFC 7208 section 6.
					if !slices.ContainsFunc(modifiers, func(m string) bool { return mechanism(m) == name }) {
						modifiers = append(modifiers, term)
					}
				} else if !slices.Contains(terms, "include:"+term[len("redirect="):]) {
					terms = append(terms, "include:"+term[len("redirect="):])
				}
			case !slices.ContainsFunc(terms, func(t string) bool { return strings.EqualFold(t, term) }):
				terms = append(terms, term)
			}
		}
	}
	merged := slices.Concat(terms, modifiers, []string{ending})
	if len(live) == 1 && sameTerms(merged, strings.Fields(live[0])) {
		return live[0] // it says the same in another order
	}
	return strings.Join(merged, " ")
}

func sameTerms(a, b []string) bool {
	fold := func(terms []string) []string {
		all := slices.Clone(terms)
		for i := range all {
			all[i] = strings.ToLower(all[i])
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(fold(a), fold(b))
}

func rankEnding(all string) int { return slices.Index([]string{"?all", "~all", "-all"}, all) }
