package mailauth

import (
	"fmt"
	"strings"

	"gomail/mailauth/spf"
)

// Explain returns what was found out, a sentence each, for those who want to
// know why a message was treated as it was.
func (r Result) Explain() []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case r.IPRev.Status == "":
	case r.IPRev.Name != "":
		add("The client's address %s has the name %s, which leads back to it.", r.IPRev.Addr, r.IPRev.Name)
	default:
		add("The client's address %s has no name that leads back to it (%s).", r.IPRev.Addr, r.IPRev.Status)
	}
	for _, s := range []spf.Result{r.SPF, r.SPFHelo} {
		if s.Status != "" {
			add("SPF of %s: %s, %s.", s.Domain, s.Status, s.Reason)
		}
	}
	if len(r.DKIM) == 0 && r.DMARC.Status != "" {
		add("It has no DKIM signature.")
	}
	for _, s := range r.DKIM {
		line := fmt.Sprintf("DKIM signature of %s with the selector %s: %s", s.Domain, s.Selector, s.Status)
		if s.Reason != "" {
			line += ", " + s.Reason
		}
		all = append(all, strings.TrimSuffix(line, ".")+".")
	}
	if d := r.DMARC; d.Status != "" {
		line := fmt.Sprintf("DMARC of %s: %s", d.Author, d.Status)
		if d.Domain != "" {
			line += fmt.Sprintf(" by the record of %s, p=%s", d.Domain, d.Published)
		}
		if d.Reason != "" {
			line += ", " + d.Reason
		}
		all = append(all, line+".")
	}
	return all
}
