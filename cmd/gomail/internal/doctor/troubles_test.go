package doctor

import (
	"strings"
	"testing"

	"gomail/dnsplan"
	"gomail/web/api"
)

// broken is a report in which one record, or one probe, is not right.
func broken(record dnsplan.Finding, probes ...dnsplan.Probe) dnsplan.Report {
	r := dnsplan.Report{Domain: "example.com", Records: []dnsplan.Finding{record}, Probes: probes}
	r.Troubles = dnsplan.Troubles(r)
	return r
}

// record is a finding about one record of example.com.
func record(purpose dnsplan.Purpose, state dnsplan.State, code string) dnsplan.Finding {
	return dnsplan.Finding{Record: dnsplan.Record{Purpose: purpose, Name: "example.com", Type: "TXT"}, State: state, Code: code, Fix: "Mend the record."}
}

func dns(purpose dnsplan.Purpose, state dnsplan.State, code string) func(*Patient, bool) {
	return func(p *Patient, right bool) {
		r := record(purpose, state, code)
		if right {
			r.State, r.Code, r.Fix = dnsplan.OK, "", ""
		}
		p.Reports = map[string]dnsplan.Report{"example.com": broken(r)}
	}
}

func tried(kind dnsplan.ProbeKind) func(*Patient, bool) {
	return func(p *Patient, right bool) {
		probe := dnsplan.Probe{Kind: kind, Subject: "mail.example.com", State: dnsplan.Wrong, Fix: "Open the port."}
		if right {
			probe.State, probe.Fix = dnsplan.OK, ""
		}
		p.Reports = map[string]dnsplan.Report{"example.com": broken(record(dnsplan.TLSRPT, dnsplan.OK, ""), probe)}
	}
}

// Each bullet of the guide's troubleshooting that something here can see is a
// finding under its heading while it is wrong, with what to do, and is none
// while it is right.
func TestTroubleshootingBullets(t *testing.T) {
	const deliver, dkim, spam, cert, bounce = "Mail not being delivered", "DKIM not signing or verifying", "Emails marked as spam", "The certificate won't renew", "High bounce rate"
	for _, test := range []struct {
		heading, bullet, check string
		set                    func(p *Patient, right bool)
	}{
		{deliver, "Verify MX record", "The MX record leads to this server", dns(dnsplan.Receive, dnsplan.Missing, "missing")},
		{deliver, "Verify A record", "The mail host has this server's address", dns(dnsplan.Address, dnsplan.Missing, "missing")},
		{deliver, "Check MX priority (lower = preferred)", "The preferred MX is the one intended", dns(dnsplan.Receive, dnsplan.Wrong, "mx_priority")},
		{deliver, "Verify server is listening on port 25", "The server answers on port 25", tried(dnsplan.ProbeStartTLS)},
		{deliver, "Verify server is listening on port 25", "port smtp.listen", func(p *Patient, right bool) {
			if !right {
				p.Running, p.Config.SMTP.Listen = true, []string{"127.0.0.1:1"}
			}
		}},
		{dkim, "Check TXT record name", "Every key is published under its selector's exact name", dns(dnsplan.DKIM, dnsplan.Missing, "missing")},
		{dkim, "Verify full key copied", "The keys are whole", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_truncated")},
		{dkim, "Check selector matches config", "The published keys are those that sign", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_mismatch")},
		{dkim, "Wait for TTL if recently added", "Resolvers know the new keys already", dns(dnsplan.DKIM, dnsplan.Propagating, "resolver_old")},
		{dkim, "Verify DKIM key hasn't rotated in admin panel", "The published keys are those that sign", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_revoked")},
		{spam, "Set SPF policy", "SPF lets this server send", dns(dnsplan.SPF, dnsplan.Wrong, "spf_not_authorized")},
		{spam, "Verify DKIM signature is valid", "DKIM signatures can be verified", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_mismatch")},
		{spam, "Set DMARC policy", "A DMARC policy is published", dns(dnsplan.DMARC, dnsplan.Missing, "missing")},
		{spam, "Configure Reverse DNS (PTR)", "The addresses lead back", dns(dnsplan.Reverse, dnsplan.Missing, "missing")},
		{cert, "Verify mail.example.com A record exists", "The mail host's address leads here", dns(dnsplan.Address, dnsplan.Missing, "missing")},
		{cert, "Ensure port 80 is open (ACME challenge)", "The authority can reach port 80", tried(dnsplan.ProbePort80)},
		{cert, "Check CAA record (if present) includes letsencrypt.org", "The certificate authority may issue", dns(dnsplan.CAA, dnsplan.Wrong, "caa_forbids")},
		{cert, "Let's Encrypt certificate won't renew", "certificate mail.example.com", func(p *Patient, right bool) {
			c := api.Certificate{State: "failing", NotAfter: now.AddDate(0, 0, 20), Found: "the authority refuses the contact", Mend: "Set tls.acme_email."}
			if right {
				c = api.Certificate{NotAfter: now.AddDate(0, 0, 60)}
			}
			ordered(c)(p)
		}},
		{bounce, "Check SPF includes all sender IPs", "SPF covers this server's addresses", dns(dnsplan.SPF, dnsplan.Wrong, "spf_not_authorized")},
		{bounce, "Verify DKIM signing enabled", "Outgoing mail is signed with a published key", dns(dnsplan.DKIM, dnsplan.Missing, "missing")},
	} {
		for _, right := range []bool{false, true} {
			p := healthy(t)
			test.set(&p, right)
			var found *Finding
			for _, f := range Examine(t.Context(), p) {
				if f.Topic == test.heading && strings.Contains(f.Check, test.check) {
					found = &f
				}
			}
			switch {
			case right && found != nil:
				t.Errorf("%s: %s: it is right, and the doctor says %+v", test.heading, test.bullet, *found)
			case !right && found == nil:
				t.Errorf("%s: %s: nothing is said of it", test.heading, test.bullet)
			case !right && (found.Mend == "" || found.State == OK):
				t.Errorf("%s: %s: %+v", test.heading, test.bullet, *found)
			}
		}
	}
}
