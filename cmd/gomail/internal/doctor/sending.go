package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"gomail"
	"gomail/ladder"
	"gomail/web/api"
)

// Thresholds of what is found about the mail of 24 hours.
const (
	enoughSent   = 20   // recipients, below which rates say nothing
	nearLimit    = 0.8  // of a sending limit
	manyPutOff   = 0.25 // attempts that others put off, of recipients
	manyRefused  = 0.02 // refused as spam
	manyComplain = 0.001
	manyRoles    = 0.1 // recipients that are a role
)

// sending looks at what became of the mail of 24 hours: how much came back, how
// much others refuse as spam or put off, to whom it goes, and how near accounts
// are to their limits.
func (p Patient) sending() []Finding {
	var findings []Finding
	add := func(x api.BounceTotal, topic string, wrong bool, what, found, mend string) {
		if wrong {
			f := finding(what+" of "+x.Domain+x.Account, Warning, found, mend)
			f.Topic = topic
			findings = append(findings, f)
		}
	}
	for _, x := range p.Bounces {
		sent := float64(x.Sent)
		many := x.Sent >= enoughSent
		add(x, bounceTopic, x.Since != nil, "bounce rate", fmt.Sprintf("%d of %d recipients in 24 hours do not exist (%.1f %%), and mail to %d was refused as spam", x.Hard, x.Sent, x.Percent, x.Blocked), bounceMend(x))
		if x.Domain == "" { // what follows is the domain's reputation
			continue
		}
		add(x, bounceTopic, many && float64(x.Blocked) > manyRefused*sent, "content", fmt.Sprintf("other servers refused mail to %d of %d recipients in 24 hours as spam%s", x.Blocked, x.Sent, lastSaid(x)),
			"Look at what is sent: links, attachments, missing text, a subject that shouts; send one message to a tester such as mail-tester.com.")
		add(x, spamTopic, many && float64(x.Complaints) > manyComplain*sent, "complaints", fmt.Sprintf("recipients called %d of %d messages spam in 24 hours", x.Complaints, x.Sent),
			"Send only to who asked for it, and let them leave with one click (List-Unsubscribe).")
		add(x, bounceTopic, many && float64(x.Roles) > manyRoles*sent, "recipients", fmt.Sprintf("%d of %d recipients in 24 hours are a role, such as postmaster", x.Roles, x.Sent),
			"Take role accounts (postmaster, abuse, info and the like) off the lists: nobody there has asked for the mail.")
		add(x, spamTopic, many && float64(x.Deferred) > manyPutOff*sent, "sending frequency", fmt.Sprintf("other servers put off %d attempts for %d recipients in 24 hours", x.Deferred, x.Sent),
			"Send less at a time, above all from a new address; gomail queue list shows what the servers say.")
	}
	return append(findings, p.limits()...)
}

// The guide's headings under which mail that was sent is looked at.
const (
	spamTopic    = "Emails marked as spam"
	bounceTopic  = "High bounce rate"
	dkimTopic    = "DKIM not signing or verifying"
	deliverTopic = "Mail not being delivered"
	renewTopic   = "The certificate won't renew"
)

func bounceMend(x api.BounceTotal) string {
	if x.Account != "" {
		return "Ask where the addresses come from: gomail suppress list " + x.Account + ". If the owner knows of nothing: gomail account passwd " + x.Account
	}
	return "Clean the lists of recipients; gomail bounces shows which accounts they are."
}

func lastSaid(x api.BounceTotal) string {
	if x.Said == "" {
		return ""
	}
	return "; the last said: " + x.Said
}

// limits looks which accounts send nearly as much as they may.
func (p Patient) limits() []Finding {
	var findings []Finding
	for _, account := range slices.Sorted(maps.Keys(p.Sending)) {
		s := p.Sending[account]
		if s.Held != nil {
			f := finding("held: "+account, Problem, "it may not send since "+s.Held.UTC().Format("2 January 2006, 15:04 MST")+": "+s.HeldWhy,
				"Give it another password (gomail account passwd "+account+"), look at what waits (gomail queue list), then gomail account release "+account)
			f.Topic = deliverTopic
			findings = append(findings, f)
		}
		for _, l := range []struct {
			of   api.SendingLimit
			what string
		}{
			{s.MessagesPerHour, "messages an hour"}, {s.MessagesPerDay, "messages a day"},
			{s.RecipientsPerHour, "recipients an hour"}, {s.RecipientsPerDay, "recipients a day"},
		} {
			if l.of.Limit > 0 && float64(l.of.Used) >= nearLimit*float64(l.of.Limit) {
				f := finding("sending frequency of "+account, Warning, fmt.Sprintf("it has sent %d of the %d %s that it may", l.of.Used, l.of.Limit, l.what),
					"Spread what is sent over more time: filters see bursts. If its owner does not send that much, give it another password: gomail account passwd "+account)
				f.Topic = spamTopic
				findings = append(findings, f)
				break
			}
		}
	}
	return findings
}

// ladders tells the next step towards a strict SPF and DMARC.
func (p Patient) ladders() []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(p.Ladders)) {
		for _, l := range p.Ladders[name] {
			if l.Kind != ladder.SPF && l.Kind != ladder.DMARC || l.Next == "" {
				continue
			}
			f := finding("domain "+name+": "+l.Title, Warning, fmt.Sprintf("it is %s; the next step is %s", l.Rung, l.Next), l.Advice)
			f.Topic = spamTopic
			findings = append(findings, f)
		}
	}
	return findings
}

// selectors looks whether each domain signs with keys that are named as the
// configuration says.
func (p Patient) selectors() []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(p.Keys)) {
		var signing []string
		named := false
		for _, k := range p.Keys[name] {
			if k.State == string(gomail.DKIMActive) {
				signing = append(signing, k.Selector)
				named = named || strings.HasPrefix(k.Selector, p.Config.DKIM.DefaultSelector)
			}
		}
		var f Finding
		switch {
		case len(signing) == 0:
			f = finding("domain "+name+": DKIM keys", Warning, "none signs: its mail goes out unsigned", "Publish the key's record (gomail dns plan "+name+"), then gomail dkim list "+name+" shows when it signs.")
		case !named:
			f = finding("domain "+name+": DKIM selector", Warning, fmt.Sprintf("it signs with %s, and dkim.default_selector is %q", strings.Join(signing, ", "), p.Config.DKIM.DefaultSelector),
				"Check that the records of "+strings.Join(signing, ", ")+" are published; gomail dkim rotate "+name+" makes keys with the configured name.")
		default:
			continue
		}
		f.Topic = dkimTopic
		findings = append(findings, f)
	}
	return findings
}

// acmeEmail looks whether the certificate authority has an address to which it
// can write.
func (p Patient) acmeEmail(ctx context.Context) []Finding {
	const check = "tls.acme_email"
	text := p.Config.TLS.ACMEEmail
	if p.Config.TLS.Mode != "acme" {
		return nil
	}
	if text == "" {
		return []Finding{ok(check, "postmaster@"+p.Config.Server.Hostname)}
	}
	mend := "Set tls.acme_email to an address that somebody reads: the authority refuses others, and writes there when something is wrong."
	a, err := gomail.ParseAddress(text)
	if err != nil {
		return []Finding{finding(check, Problem, "it is not an address: "+err.Error(), mend)}
	}
	if p.Config.TLS.ACMEDirectory == "" && forExamples(a.Domain) {
		return []Finding{finding(check, Problem, text+" is in a domain for examples, which authorities refuse", mend)}
	}
	if _, err := p.Resolver.LookupMX(ctx, a.Domain); err != nil {
		var e *net.DNSError
		if errors.As(err, &e) && e.IsNotFound {
			return []Finding{finding(check, Warning, "the domain of "+text+" has no MX record", mend)}
		}
		return []Finding{finding(check, Unknown, "the DNS does not say whether "+text+" can get mail: "+err.Error(), "Try again in a while.")}
	}
	return []Finding{ok(check, text)}
}

// forExamples reports whether a domain is reserved (RFC 2606).
func forExamples(domain string) bool {
	return slices.ContainsFunc([]string{"example.com", "example.net", "example.org", "example", "invalid", "test", "localhost"}, func(reserved string) bool {
		return domain == reserved || strings.HasSuffix(domain, "."+reserved)
	})
}
