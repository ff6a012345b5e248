package dnsplan

import (
	"fmt"
	"slices"
	"strings"
)

// Step is one record as a provider's form wants it entered.
type Step struct {
	Record string  `json:"record"` // which one: "MX example.com"
	Fields []Field `json:"fields"` // in the form's order
	Note   string  `json:"note"`   // a sentence on what is peculiar to it there; empty: nothing
}

// Field is one field of a form.
type Field struct {
	Label string `json:"label"` // as the provider calls it
	Value string `json:"value"`
}

// Instructions returns a plan as a provider's form wants it entered, by the
// name that Provider gives; others are shown in the form that most have. Names
// are relative to the zone, also for a domain below the zone's apex. What is
// not for this zone is left out.
func Instructions(provider, zone string, records []Record) []Step {
	f := formOf(provider)
	steps := []Step{}
	for _, r := range records {
		if r.Requirement != NotApplicable && within(r.Name, zone) {
			steps = append(steps, f.step(r, zone))
		}
	}
	return steps
}

// InstructionNotes returns what to know before filling in a provider's form:
// sentences, the first of which says where it is.
func InstructionNotes(provider string) []string { return formOf(provider).notes }

// step fills the form in for one record.
func (f form) step(r Record, zone string) Step {
	parts := f.parts(r, zone)
	s := Step{Record: r.Type + " " + r.Name, Note: f.note(r)}
	layout, ok := f.layouts[r.Type]
	if !ok {
		layout = f.layouts[""]
	}
	fill := strings.NewReplacer(parts...)
	for _, column := range layout {
		s.Fields = append(s.Fields, Field{column.Label, fill.Replace(column.Value)})
	}
	return s
}

// parts are what a record consists of, as placeholder and text by turns.
func (f form) parts(r Record, zone string) []string {
	name := relative(r.Name, zone)
	if name == "@" {
		name = f.apex
	}
	parts := []string{"{type}", r.Type, "{name}", name, "{ttl}", f.ttl(r.TTL)}
	value, priority := f.host(r.Value), ""
	if r.Priority != nil {
		priority = fmt.Sprint(*r.Priority)
	}
	data := value
	switch r.Type {
	case "TXT":
		if value = r.Value; f.quoted {
			value = quoteTXT(r.Value)
		}
		data = value
	case "A", "AAAA":
		value, data = r.Value, r.Value
	case "MX":
		data = priority + " " + value
	case "SRV":
		words := pad(strings.Fields(r.Value), 4)
		service, protocol, label := serviceName(r.Name, zone, f.apex)
		value, priority = f.host(words[3]), words[0]
		data = strings.Join([]string{words[0], words[1], words[2], value}, " ")
		below := ""
		if label != f.apex {
			below = "." + label
		}
		parts = append(parts, "{weight}", words[1], "{port}", words[2], "{service}", service, "{protocol}", protocol, "{label}", label, "{below}", below)
	case "CAA":
		words := pad(strings.SplitN(r.Value, " ", 3), 3)
		issuer, tag := strings.Trim(words[2], `"`), words[1]
		if shown, ok := f.tags[tag]; ok {
			tag = shown
		}
		value, data = issuer, r.Value
		parts = append(parts, "{flags}", words[0], "{tag}", tag)
	case "TLSA":
		words := pad(strings.Fields(r.Value), 4)
		value, data = words[3], r.Value
		parts = append(parts, "{usage}", words[0], "{selector}", words[1], "{matching}", words[2])
	}
	return append(parts, "{value}", value, "{priority}", priority, "{data}", data)
}

// pad makes a list long enough to be taken apart.
func pad(words []string, n int) []string {
	return append(words, make([]string, max(0, n-len(words)))...)
}

// serviceName takes an SRV record's name apart, RFC 2782.
func serviceName(name, zone, apex string) (service, protocol, label string) {
	service, rest, _ := strings.Cut(name, ".")
	protocol, rest, _ = strings.Cut(rest, ".")
	if label = relative(rest, zone); label == "@" {
		label = apex
	}
	return service, protocol, label
}

// host writes a host's name with or without its trailing dot. The root alone,
// which says that there is none, keeps it.
func (f form) host(name string) string {
	if f.dot || name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// ttl writes a TTL as the form offers it: the longest choice that is not above
// it, so that no change takes longer to be seen than planned.
func (f form) ttl(seconds int) string {
	if seconds < f.leastTTL {
		seconds = f.leastTTL
	}
	if len(f.choices) == 0 {
		return fmt.Sprint(seconds)
	}
	best := f.choices[0]
	for _, c := range f.choices {
		if c.seconds <= seconds {
			best = c
		}
	}
	if best.seconds != seconds && f.custom != "" {
		return fmt.Sprintf(f.custom, seconds)
	}
	return best.label
}

// note is what is peculiar to a record in this form.
func (f form) note(r Record) string {
	if slices.Contains(f.lacks, r.Type) {
		return f.title + " has no records of the type " + r.Type + ": leave it out."
	}
	if note, ok := f.peculiar[r.Type]; ok {
		return note
	}
	if r.Type == "TXT" && len(r.Value) > maxString && !f.quoted {
		return fmt.Sprintf("The value has %d characters: enter it in one piece; if the form takes %d only, enter it in quoted parts: %s.", len(r.Value), maxString, quoteTXT(r.Value))
	}
	return ""
}
