package dnsplan

import (
	"encoding/json"
	"fmt"
	"strings"

	"gomail"
)

// NSUpdate returns a plan as commands for nsupdate, RFC 2136: for each name
// and type the planned values are added, and nothing is deleted. Records of
// other zones stand in comments.
func NSUpdate(records []Record, zone string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "zone %s.\n", zone)
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		rr, err := r.rr()
		if err != nil || !within(r.Name, zone) {
			b.WriteString("; elsewhere: " + r.line())
			continue
		}
		b.WriteString("update add " + strings.ReplaceAll(rr.String(), "\t", " ") + "\n")
	}
	b.WriteString("send\n")
	return b.String()
}

// route53Batch is a change batch as Amazon documents it.
type route53Batch struct {
	Comment string          `json:"Comment"`
	Changes []route53Change `json:"Changes"`
}

type route53Change struct {
	Action            string     `json:"Action"`
	ResourceRecordSet route53Set `json:"ResourceRecordSet"`
}

type route53Set struct {
	Name            string         `json:"Name"`
	Type            string         `json:"Type"`
	TTL             int            `json:"TTL"`
	ResourceRecords []route53Value `json:"ResourceRecords"`
}

type route53Value struct {
	Value string `json:"Value"`
}

// Route53 returns a plan as a change batch for Amazon Route 53. It creates
// record sets and never replaces one that is there: such a set has to be
// merged first, and Amazon refuses the batch.
func Route53(records []Record, zone string) (string, error) {
	batch := route53Batch{Comment: "Records for mail of " + zone}
	sets := map[Question]int{}
	for _, r := range records {
		if r.Requirement == NotApplicable || !within(r.Name, zone) {
			continue
		}
		rr, err := r.rr()
		if err != nil {
			return "", err
		}
		value := strings.TrimPrefix(rr.String(), rr.Header().String())
		q := Question{canonicalName(r.Name), r.Type}
		if i, ok := sets[q]; ok {
			set := &batch.Changes[i].ResourceRecordSet
			set.ResourceRecords = append(set.ResourceRecords, route53Value{value})
			continue
		}
		sets[q] = len(batch.Changes)
		batch.Changes = append(batch.Changes, route53Change{"CREATE", route53Set{r.Name + ".", r.Type, r.TTL, []route53Value{{value}}}})
	}
	text, err := json.MarshalIndent(batch, "", "  ")
	return string(text) + "\n", err
}

// Step is one record as a provider's form wants it entered.
type Step struct {
	Fields []Field `json:"fields"`
}

// Field is one field of a form.
type Field struct {
	Label string `json:"label"` // as the provider calls it
	Value string `json:"value"`
}

// form is how a provider's form is filled in.
type form struct {
	kind, name, value, priority, ttl string // labels
	apex                             string // what stands for the zone itself
	dot                              bool   // host names keep their trailing dot
	quoted                           bool   // TXT is entered in quoted strings of at most 255 octets
	joined                           bool   // the priority stands before the value
	hint                             string
}

var forms = map[string]form{
	"route53":    {kind: "Record type", name: "Record name", value: "Value", ttl: "TTL (seconds)", apex: "", dot: true, quoted: true, joined: true},
	"cloudflare": {kind: "Type", name: "Name", value: "Content", priority: "Priority", ttl: "TTL", apex: "@", hint: "Proxy status: DNS only"},
	"godaddy":    {kind: "Type", name: "Name", value: "Value", priority: "Priority", ttl: "TTL", apex: "@"},
	"namecheap":  {kind: "Type", name: "Host", value: "Value", priority: "Priority", ttl: "TTL", apex: "@"},
	"":           {kind: "Type", name: "Name", value: "Value", priority: "Priority", ttl: "TTL", apex: "@", dot: true},
}

// Instructions returns a plan as a provider's form wants it entered, by the
// name that Provider gives; others are shown in the form that most have. Names
// are relative to the zone, also for a domain below the zone's apex.
func Instructions(provider, zone string, records []Record) []Step {
	f, ok := forms[provider]
	if !ok {
		f = forms[""]
	}
	var steps []Step
	for _, r := range records {
		if r.Requirement != NotApplicable && within(r.Name, zone) {
			steps = append(steps, f.step(r, zone))
		}
	}
	return steps
}

func (f form) step(r Record, zone string) Step {
	name := relative(r.Name, zone)
	if name == "@" {
		name = f.apex
	}
	value := r.Value
	switch {
	case r.Type == "TXT" && f.quoted:
		value = quoteTXT(value)
	case !f.dot && r.Type != "TXT":
		value = strings.TrimSuffix(value, ".")
	}
	fields := []Field{{f.kind, r.Type}, {f.name, name}}
	if r.Priority != nil && f.joined {
		value = fmt.Sprintf("%d %s", *r.Priority, value)
	}
	fields = append(fields, Field{f.value, value})
	if r.Priority != nil && !f.joined {
		fields = append(fields, Field{f.priority, fmt.Sprint(*r.Priority)})
	}
	fields = append(fields, Field{f.ttl, fmt.Sprint(r.TTL)})
	if f.hint != "" && (r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME") {
		label, text, _ := strings.Cut(f.hint, ": ")
		fields = append(fields, Field{label, text})
	}
	return Step{fields}
}

// ZoneOf returns the zone that a plan's records are for when nothing is known
// of the DNS: the domain itself.
func ZoneOf(records []Record) (string, error) {
	if zone := zoneOf(records); zone != "" {
		return zone, nil
	}
	return "", gomail.Errorf(gomail.NotFound, "the plan is empty")
}
