package doctor

import (
	"time"

	"gomail/web/api"
)

// renewsLate is how long before its end a certificate that cannot be renewed
// is a problem and no longer a warning.
const renewsLate = 7 * 24 * time.Hour

// certificates looks at every certificate that is ordered, or at the one that
// is in the files.
func (p Patient) certificates() []Finding {
	if p.Config.TLS.Mode != "acme" {
		return []Finding{p.certificate()}
	}
	findings := []Finding{}
	for _, c := range p.Certificates {
		findings = append(findings, p.ordered(c))
	}
	if len(findings) == 0 {
		return []Finding{finding("certificate "+p.Config.Server.Hostname, Warning, "it is ordered when the server runs for the first time", "gomail serve")}
	}
	return findings
}

func (p Patient) ordered(c api.Certificate) Finding {
	check, until, left := "certificate "+c.Name, c.NotAfter.Format(time.DateOnly), c.NotAfter.Sub(p.Clock())
	switch {
	case c.Found == "" && left > 0:
		return ok(check, "valid until "+until)
	case c.Found == "":
		return finding(check, Warning, "it is being ordered", "Wait a minute, and look again.")
	case c.NotAfter.IsZero() && c.State == "waiting" && c.Domain != "":
		return finding(check, Warning, "it is not ordered yet: "+c.Found, c.Mend)
	case c.NotAfter.IsZero():
		return finding(check, Problem, "there is none: "+c.Found, c.Mend)
	case left <= 0:
		return finding(check, Problem, "it ended on "+until+": "+c.Found, c.Mend)
	case left < renewsLate:
		return finding(check, Problem, "it ends on "+until+" and cannot be renewed: "+c.Found, c.Mend)
	}
	return finding(check, Warning, "valid until "+until+", and it cannot be renewed: "+c.Found, c.Mend)
}
