package doctor

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
	"gomail/web/api"
)

// broken is a report in which one record, or one probe, is not right.
func broken(record dnsplan.Finding, probes ...dnsplan.Probe) dnsplan.Report {
	r := dnsplan.Report{Domain: "example.com", CheckedAt: now, Records: []dnsplan.Finding{record}, Probes: probes}
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

// guide reads the troubleshooting section of the guide: its bullets by heading.
func guide(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/troubleshooting.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, heading := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if bullet, ok := strings.CutPrefix(line, "• "); ok {
			all[heading] = append(all[heading], bullet)
		} else if line != "" {
			heading = line
		}
	}
	return all
}

// headings are the doctor's for the guide's.
var headings = map[string]string{
	"Mail not being delivered": deliverTopic, "DKIM not signing/verifying": dkimTopic, "Emails marked as spam": spamTopic,
	"Let's Encrypt certificate won't renew": renewTopic, "High bounce rate": bounceTopic,
}

// sent has the mail of 24 hours come to something, which is wrong or not.
func sent(wrong api.BounceTotal) func(*Patient, bool) {
	return func(p *Patient, right bool) {
		x := api.BounceTotal{Domain: "example.com", BounceCounts: api.BounceCounts{Sent: 100, Delivered: 100}}
		if !right {
			x = wrong
			x.Domain, x.Sent = "example.com", 100
		}
		p.Bounces = []api.BounceTotal{x}
	}
}

func climbing(kind ladder.Kind, rung, next string) func(*Patient, bool) {
	return func(p *Patient, right bool) {
		l := ladder.Ladder{Kind: kind, Title: "Policy", Rung: rung, Next: next, Advice: "Climb."}
		if right {
			l.Rung, l.Next = next, ""
		}
		p.Ladders = map[string][]ladder.Ladder{"example.com": {l}}
	}
}

func signing(selector string, state gomail.DKIMKeyState) func(*Patient, bool) {
	return func(p *Patient, right bool) {
		k := api.Key{Selector: selector, State: string(state)}
		if right {
			k = api.Key{Selector: "mail-2026-05", State: string(gomail.DKIMActive)}
		}
		p.Keys = map[string][]api.Key{"example.com": {k}}
	}
}

func contact(email string) func(*Patient, bool) {
	return func(p *Patient, right bool) {
		p.Config.TLS.Mode, p.Config.TLS.ACMEEmail = "acme", email
		if right {
			p.Config.TLS.ACMEEmail, p.Config.TLS.ACMEDirectory = "admin@example.com", "https://ca.example.com/directory"
		}
	}
}

// Each bullet of the guide's troubleshooting, word for word, is a finding under
// its heading while it is wrong, with what to do, and is none while it is
// right. A bullet that the table does not have fails the test.
func TestTroubleshootingBullets(t *testing.T) {
	const deliver, dkim, spam, cert, bounce = "Mail not being delivered", "DKIM not signing/verifying", "Emails marked as spam", "Let's Encrypt certificate won't renew", "High bounce rate"
	answered := map[string]bool{}
	for _, test := range []struct {
		heading, bullet, check string
		set                    func(p *Patient, right bool)
	}{
		{deliver, "Verify MX record: dig example.com MX → should show mail.example.com", "The MX record leads to this server", dns(dnsplan.Receive, dnsplan.Missing, "missing")},
		{deliver, "Verify A record: dig mail.example.com A → should show your IP", "The mail host has this server's address", dns(dnsplan.Address, dnsplan.Missing, "missing")},
		{deliver, "Check MX priority (lower = preferred)", "The preferred MX is the one intended", dns(dnsplan.Receive, dnsplan.Wrong, "mx_priority")},
		{deliver, "Verify server is listening on port 25", "The server answers on port 25", tried(dnsplan.ProbeStartTLS)},
		{deliver, "Verify server is listening on port 25", "port smtp.listen", func(p *Patient, right bool) {
			if !right {
				p.Running, p.Config.SMTP.Listen = true, []string{"127.0.0.1:1"}
			}
		}},
		{dkim, "Check TXT record name: exactly mail._domainkey.example.com", "Every key is published under its selector's exact name", dns(dnsplan.DKIM, dnsplan.Missing, "missing")},
		{dkim, "Verify full key copied (no truncation in TLS limit)", "The keys are whole", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_truncated")},
		{dkim, "Check selector matches config (dkim.default_selector)", "DKIM selector", signing("k1", gomail.DKIMActive)},
		{dkim, "Check selector matches config (dkim.default_selector)", "The published keys are those that sign", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_mismatch")},
		{dkim, "Wait for TTL if recently added", "Resolvers know the new keys already", dns(dnsplan.DKIM, dnsplan.Propagating, "resolver_old")},
		{dkim, "Verify DKIM key hasn't rotated in admin panel", "The published keys are those that sign", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_revoked")},
		{spam, "Set SPF policy: change ~all to -all (hard fail)", "Policy", climbing(ladder.SPF, "~all", "-all")},
		{spam, "Set SPF policy: change ~all to -all (hard fail)", "SPF lets this server send", dns(dnsplan.SPF, dnsplan.Wrong, "spf_not_authorized")},
		{spam, "Verify DKIM signature is valid (check with mail-tester)", "DKIM signatures can be verified", dns(dnsplan.DKIM, dnsplan.Wrong, "dkim_mismatch")},
		{spam, "Set DMARC policy: start with p=none, monitor, then upgrade", "A DMARC policy is published", dns(dnsplan.DMARC, dnsplan.Missing, "missing")},
		{spam, "Set DMARC policy: start with p=none, monitor, then upgrade", "Policy", climbing(ladder.DMARC, "p=none", "p=quarantine")},
		{spam, "Configure Reverse DNS (PTR) — critical for deliverability", "The addresses lead back", dns(dnsplan.Reverse, dnsplan.Missing, "missing")},
		{spam, "Reduce email frequency (spam filter sees patterns)", "sending frequency of example.com", sent(api.BounceTotal{BounceCounts: api.BounceCounts{Deferred: 30}})},
		{spam, "Reduce email frequency (spam filter sees patterns)", "sending frequency of anna@example.com", func(p *Patient, right bool) {
			used := 80
			if right {
				used = 79
			}
			p.Sending = map[string]api.AccountSending{"anna@example.com": {RecipientsPerDay: api.SendingLimit{Limit: 100, Used: used}}}
		}},
		{spam, "", "complaints", sent(api.BounceTotal{BounceCounts: api.BounceCounts{Complaints: 1}})},
		{cert, "Verify mail.example.com A record exists", "The mail host's address leads here", dns(dnsplan.Address, dnsplan.Missing, "missing")},
		{cert, "Ensure port 80 is open (ACME challenge)", "The authority can reach port 80", tried(dnsplan.ProbePort80)},
		{cert, "Check CAA record (if present) includes letsencrypt.org", "The certificate authority may issue", dns(dnsplan.CAA, dnsplan.Wrong, "caa_forbids")},
		{cert, "Verify acme_email in config is valid", "tls.acme_email", contact("admin")},
		{cert, "Verify acme_email in config is valid", "tls.acme_email", contact("admin@mail.example.com")},
		{cert, "Verify acme_email in config is valid", "tls.acme_email", contact("admin@nobody.example.net")},
		{cert, "", "certificate mail.example.com", func(p *Patient, right bool) {
			c := api.Certificate{State: "failing", NotAfter: now.AddDate(0, 0, 20), Found: "the authority refuses the contact", Mend: "Set tls.acme_email."}
			if right {
				c = api.Certificate{NotAfter: now.AddDate(0, 0, 60)}
			}
			ordered(c)(p)
		}},
		{bounce, "", "bounce rate of example.com", sent(api.BounceTotal{Since: &now, BounceCounts: api.BounceCounts{Hard: 9}})},
		{bounce, "Check SPF includes all sender IPs", "SPF covers this server's addresses", dns(dnsplan.SPF, dnsplan.Wrong, "spf_not_authorized")},
		{bounce, "Verify DKIM signing enabled (admin panel shows key)", "Outgoing mail is signed with a published key", dns(dnsplan.DKIM, dnsplan.Missing, "missing")},
		{bounce, "Check email content (spam patterns, formatting)", "content of example.com", sent(api.BounceTotal{BounceCounts: api.BounceCounts{Blocked: 3, Said: "gmail.com: likely unsolicited"}})},
		{bounce, "Verify recipient lists (no role accounts like postmaster@)", "recipients of example.com", sent(api.BounceTotal{BounceCounts: api.BounceCounts{Roles: 11}})},
	} {
		answered[test.heading+test.bullet] = true
		for _, right := range []bool{false, true} {
			p := healthy(t)
			test.set(&p, right)
			var found *Finding
			for _, f := range Examine(t.Context(), p) {
				if f.Topic == headings[test.heading] && f.State != Unknown && strings.Contains(f.Check, test.check) {
					found = &f
				}
			}
			switch {
			case right && found != nil:
				t.Errorf("%s: %s: it is right, and the doctor says %+v", test.heading, test.bullet, *found)
			case !right && found == nil:
				t.Errorf("%s: %s: nothing is said of it", test.heading, test.bullet)
			case !right && (found.Mend == "" || found.Found == "" || found.State == OK):
				t.Errorf("%s: %s: %+v", test.heading, test.bullet, *found)
			}
		}
	}
	bullets := 0
	for heading, all := range guide(t) {
		if headings[heading] == "" && len(all) > 0 {
			t.Errorf("the doctor has no heading for %q", heading)
		}
		for _, bullet := range all {
			if bullets++; !answered[heading+bullet] {
				t.Errorf("%s: %q is answered by nothing", heading, bullet)
			}
		}
	}
	if bullets != 22 {
		t.Errorf("the guide has %d bullets", bullets)
	}
	for _, topic := range headings {
		if !slices.Contains(Topics(), topic) {
			t.Errorf("%q is no heading of the doctor's", topic)
		}
	}
}

// What is about the mail host is said once for all domains, and not again where
// the machine's own findings say it; what could not be looked at is said.
func TestTroublesAreSaidOnce(t *testing.T) {
	p := healthy(t)
	p.Resolver = dnsWorld{}
	r := broken(record(dnsplan.Reverse, dnsplan.Missing, "missing"), dnsplan.Probe{Kind: dnsplan.ProbePort80, Subject: "mail.example.com", State: dnsplan.Wrong, Fix: "Open it."})
	p.Reports = map[string]dnsplan.Report{"example.com": r, "example.net": r, "example.org": {}}
	count := map[string]int{}
	for _, f := range Examine(t.Context(), p) {
		count[f.Topic+": "+f.Check]++
		if strings.Contains(f.Found, "not so:") {
			t.Errorf("%+v", f)
		}
		if f.Check == "mail host: The authority can reach port 80" && f.Found != "mail.example.com is not right" {
			t.Errorf("%+v", f)
		}
	}
	for check, want := range map[string]int{
		spamTopic + ": addresses": 1, spamTopic + ": mail host: " + reverseQuestion: 0, bounceTopic + ": mail host: " + reverseQuestion: 1,
		renewTopic + ": mail host: The authority can reach port 80": 1, deliverTopic + ": domain example.org: its DNS": 1,
		deliverTopic + ": domain example.com: The MX record leads to this server": 1, deliverTopic + ": domain example.net: The MX record leads to this server": 1,
	} {
		if count[check] != want {
			t.Errorf("%s is said %d times, want %d", check, count[check], want)
		}
	}
}
