package dnsplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Alert tells that something was right and no longer is.
type Alert struct {
	Domain string
	At     time.Time
	Lost   []Entry
	Mended []string // what was put right at once, as "TXT example.com"; the rest waits for the owner
	Page   string   // the URL of the domain's page
}

// Subject returns the subject of the mail that tells of it.
func (a Alert) Subject() string {
	what := fmt.Sprintf("%d DNS records of %s are", len(a.Lost), a.Domain)
	if len(a.Lost) == 1 {
		what = a.Lost[0].what() + " is"
	}
	if len(a.Mended) >= len(a.Lost) {
		return what + " right again: it was changed and put back"
	}
	return what + " no longer right"
}

// Text returns the mail's text: previously, now, the difference, the likely
// cause, and what mends it.
func (a Alert) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "At %s the DNS of %s was no longer as it should be.\n", a.At.UTC().Format("2 January 2006 15:04 MST"), a.Domain)
	for _, e := range a.Lost {
		fmt.Fprintf(&b, "\n%s\n", e.what())
		fmt.Fprintf(&b, "  Previously:   %s\n", valuesOf(e.Before))
		fmt.Fprintf(&b, "  Now:          %s\n", valuesOf(e.After))
		if gone, added := e.Difference(); e.ofRecord() && len(gone)+len(added) > 0 {
			fmt.Fprintf(&b, "  Difference:   %s\n", differenceText(gone, added))
		}
		if e.ofRecord() {
			fmt.Fprintf(&b, "  Likely cause: %s\n", e.Cause())
		}
		if slices.Contains(a.Mended, e.Type+" "+e.Name) {
			b.WriteString("  Repair:       It was put back at once. Nothing is to be done.\n")
			continue
		}
		fmt.Fprintf(&b, "  Repair:       %s\n", e.After.Fix)
	}
	if a.Page != "" && a.publishable() {
		fmt.Fprintf(&b, "\nTo put it right at your DNS provider with one click: %s\nOr: gomail dns publish %s\n", a.Page, a.Domain)
	}
	return b.String()
}

// publishable reports whether something of it is put right at the DNS provider.
func (a Alert) publishable() bool {
	return slices.ContainsFunc(a.Lost, func(e Entry) bool {
		return e.ofRecord() && e.Type != "PTR" && !slices.Contains(a.Mended, e.Type+" "+e.Name)
	})
}

// what names the record, or in words what was tried.
func (e Entry) what() string {
	words := map[ProbeKind]string{
		ProbeDelegation: "The delegation of", ProbeServer: "The name server", ProbePolicy: "The MTA-STS policy at", ProbeStartTLS: "Port 25 of",
		ProbePort25Out: "The way out to", ProbePort80: "Port 80 of", ProbeBlockList: "The standing of",
	}
	if w, ok := words[ProbeKind(e.Type)]; ok && !e.ofRecord() {
		return w + " " + e.Name
	}
	return e.Type + " " + e.Name
}

// ofRecord reports whether the entry is about a record, and not about
// something that was tried.
func (e Entry) ofRecord() bool { return e.Key != e.Type }

func valuesOf(m Moment) string {
	if len(m.Values) == 0 {
		return "nothing (" + string(m.State) + ")"
	}
	return strings.Join(m.Values, "\n                ")
}

// Difference returns the words that are gone from the values and those that
// are new. Words are what a record's syntax separates: SPF terms, tags.
func (e Entry) Difference() (gone, added []string) {
	before, after := words(e.Before.Values), words(e.After.Values)
	for _, w := range before {
		if !slices.Contains(after, w) {
			gone = append(gone, w)
		}
	}
	for _, w := range after {
		if !slices.Contains(before, w) {
			added = append(added, w)
		}
	}
	return gone, added
}

func words(values []string) []string {
	var all []string
	for _, v := range values {
		separator := strings.Fields
		if strings.Contains(v, ";") {
			separator = func(s string) []string { return strings.Split(s, ";") }
		}
		for _, w := range separator(v) {
			if w = strings.TrimSpace(w); w != "" && !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
	}
	return all
}

func differenceText(gone, added []string) string {
	var parts []string
	if len(gone) > 0 {
		parts = append(parts, "gone: "+strings.Join(gone, ", "))
	}
	if len(added) > 0 {
		parts = append(parts, "new: "+strings.Join(added, ", "))
	}
	return strings.Join(parts, "; ")
}

// Cause says what most likely happened.
func (e Entry) Cause() string {
	switch {
	case len(e.After.Values) == 0 && e.After.State == Missing && e.Type == "PTR":
		return "your hosting provider removed or reset the reverse name."
	case e.Type == "PTR":
		return "your hosting provider changed the reverse name."
	case len(e.After.Values) == 0 && e.After.State == Missing:
		return "the record was deleted, or the zone was moved to another provider without it."
	case e.After.State == Conflict:
		return "an alias (CNAME) was set at the same name."
	case strings.HasSuffix(e.After.Code, "_two_records"):
		return "another service added a record of its own beside yours."
	case e.After.Code == "stray_quotes" || e.After.Code == "dkim_truncated":
		return "the record was edited in a form that changed the value."
	case e.Type == "A" || e.Type == "AAAA":
		return "the address was edited, or the provider's proxy was switched on."
	}
	return "the record was edited at the DNS provider, by a person or by another service."
}
