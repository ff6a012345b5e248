package dnsplan

// Difference is what a change of settings does to one planned record.
type Difference struct {
	Action Action  `json:"action" enum:"create,change,delete"`
	Before *Record `json:"before"` // nil: it is new
	After  *Record `json:"after"`  // nil: it goes
}

// Diff returns what is different between two plans, in the order of the newer
// one, with what goes at the end. Of a name, type and purpose with several
// values, those are paired in order.
func Diff(before, after []Record) []Difference {
	type place struct {
		name, kind string
		purpose    Purpose
	}
	at := func(r Record) place { return place{r.Name, r.Type, r.Purpose} }
	differences := []Difference{}
	old := map[place][]Record{}
	for _, r := range without(before, after) {
		old[at(r)] = append(old[at(r)], r)
	}
	for _, r := range without(after, before) {
		d := Difference{Action: Create, After: &r}
		if same := old[at(r)]; len(same) > 0 {
			d.Action, d.Before = Update, &same[0]
			old[at(r)] = same[1:]
		}
		differences = append(differences, d)
	}
	for _, r := range before {
		for i, gone := range old[at(r)] {
			if sameRecord(gone, r) {
				differences = append(differences, Difference{Action: Delete, Before: &old[at(r)][i]})
			}
		}
	}
	return differences
}

// without returns the records of a plan that another one lacks.
func without(records, other []Record) []Record {
	type published struct {
		name, kind, value string
		ttl, priority     int
	}
	id := func(r Record) published {
		p := published{r.Name, r.Type, r.Value, r.TTL, -1}
		if r.Priority != nil {
			p.priority = *r.Priority
		}
		return p
	}
	known := map[published]bool{}
	for _, r := range other {
		known[id(r)] = r.Requirement != NotApplicable
	}
	var rest []Record
	for _, r := range records {
		if r.Requirement != NotApplicable && !known[id(r)] {
			rest = append(rest, r)
		}
	}
	return rest
}

// sameRecord reports whether two are the same line of the same plan.
func sameRecord(a, b Record) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Purpose == b.Purpose && a.Value == b.Value && a.TTL == b.TTL
}
