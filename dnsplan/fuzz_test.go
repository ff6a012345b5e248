package dnsplan

import (
	"strings"
	"testing"
	"time"
)

// FuzzCompare holds a plan against a zone of anybody's making: it ends, asks a
// bounded number of questions, and every finding that is not ok says what to
// do.
func FuzzCompare(f *testing.F) {
	f.Add("v=spf1 include:a.example.net include:example.com ~all", "v=DMARC1; p=none", "10 mx.other.example.", "shop.example.net.")
	f.Add(`"v=DKIM1; k=rsa; p=" "AAA"`, "v=spf1 redirect=example.com", "0 .", "")
	f.Add("v=spf1 a:%{i}.x mx:\xff.example exists:y -all", "k=rsa; p=", "x", "example.com.")
	f.Fuzz(func(t *testing.T, text, other, mx, alias string) {
		records := Plan(testServer(), testDomain())
		z := publish(records)
		for _, name := range []string{"example.com", "mail._domainkey.example.com", "_dmarc.example.com", "_mta-sts.example.com", "_smtp._tls.example.com", "a.example.net", "mail.example.com"} {
			z[name+" TXT"] = []string{text, other}
		}
		z["example.com MX"] = []string{mx}
		z["example.com CAA"] = []string{text}
		z["_imaps._tcp.example.com SRV"] = []string{other}
		z["_25._tcp.mail.example.com TLSA"] = []string{text}
		if alias != "" && !strings.Contains(alias, "example.com") {
			z["mta-sts.example.com CNAME"] = []string{alias}
		}
		seen := Seen{Answers: map[Question][]Answer{}, Zone: "example.com", Now: time.Unix(0, 0)}
		rounds := 0
		for questions := Questions(records); len(questions) > 0; questions = FollowUps(records, seen) {
			if rounds++; rounds > 50 || len(seen.Answers) > 1000 {
				t.Fatalf("%d rounds, %d answers", rounds, len(seen.Answers))
			}
			for _, q := range questions {
				a := z.answer(q)
				a.Server = "ns1"
				seen.Answers[q] = []Answer{a}
			}
		}
		for _, finding := range NewReport("example.com", records, seen, nil).Records {
			if finding.State != OK && finding.State != InapplicableNow && finding.Fix == "" {
				t.Errorf("%s %s is %s (%s) and says nothing", finding.Type, finding.Name, finding.State, finding.Code)
			}
		}
		for _, change := range Retire(records, seen, Merge(records, seen), nil) {
			if change.Type == "TXT" && change.Name == "example.com" && change.Action != Keep && change.Blocked == "" && len(change.After) == 0 {
				t.Error("the domain's texts would be deleted")
			}
		}
	})
}
