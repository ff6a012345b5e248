package tlspolicy

import (
	"encoding/json"
	"net/netip"
	"time"
)

// The forms of RFC 8460 section 4.4. What is written is exactly that; what is
// read may deviate by the types of odd.go.
type (
	reportJSON struct {
		Organization string       `json:"organization-name"`
		Range        rangeJSON    `json:"date-range"`
		Contact      string       `json:"contact-info"`
		ID           string       `json:"report-id"`
		Policies     []policyJSON `json:"policies"`
	}
	rangeJSON struct {
		Begin string `json:"start-datetime"`
		End   string `json:"end-datetime"`
	}
	policyJSON struct {
		Policy  appliedJSON  `json:"policy"`
		Summary summaryJSON  `json:"summary"`
		Details []detailJSON `json:"failure-details,omitempty"`
	}
	appliedJSON struct {
		Type    PolicyType `json:"policy-type"`
		Strings []string   `json:"policy-string,omitempty"`
		Domain  string     `json:"policy-domain"`
		MXHosts []string   `json:"mx-host,omitempty"`
	}
	summaryJSON struct {
		Successes int `json:"total-successful-session-count"`
		Failures  int `json:"total-failure-session-count"`
	}
	detailJSON struct {
		Type          ResultType `json:"result-type"`
		SendingIP     string     `json:"sending-mta-ip,omitempty"`
		ReceivingMX   string     `json:"receiving-mx-hostname,omitempty"`
		ReceivingHELO string     `json:"receiving-mx-helo,omitempty"`
		ReceivingIP   string     `json:"receiving-ip,omitempty"`
		Sessions      int        `json:"failed-session-count"`
		MoreInfo      string     `json:"additional-information,omitempty"`
		ReasonCode    string     `json:"failure-reason-code,omitempty"`
	}
)

// Marshal writes a report as JSON, RFC 8460 section 4.4, in one line.
func (r Report) Marshal() ([]byte, error) {
	out := reportJSON{
		Organization: r.Organization, Contact: r.Contact, ID: r.ID, Policies: []policyJSON{},
		Range: rangeJSON{r.Begin.UTC().Format(time.RFC3339), r.End.UTC().Format(time.RFC3339)},
	}
	for _, p := range r.Policies {
		form := policyJSON{
			Policy:  appliedJSON{p.Type, p.Strings, p.Domain, p.MXHosts},
			Summary: summaryJSON{p.Successes, p.Failures},
		}
		for _, d := range p.Details {
			form.Details = append(form.Details, detailJSON{
				d.Type, addressText(d.SendingIP), d.ReceivingMX, d.ReceivingHELO, addressText(d.ReceivingIP), d.Sessions, d.MoreInfo, d.ReasonCode,
			})
		}
		out.Policies = append(out.Policies, form)
	}
	return json.Marshal(out)
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}
