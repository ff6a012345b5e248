package dnsplan

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
)

// Every entry of the catalogue can be used as it stands.
func TestSendersAreWellFormed(t *testing.T) {
	seen := map[string]string{}
	once := func(s Sender, what, value string) {
		if owner, ok := seen[what+value]; ok && value != "" {
			t.Errorf("%s and %s both have the %s %s", owner, s.Name, what, value)
		}
		seen[what+value] = s.Name
	}
	for _, s := range Senders() {
		once(s, "id", s.ID)
		once(s, "name", s.Name)
		once(s, "include", s.Include)
		if s.Include != "" {
			if err := validSPF(gomail.SPFSettings{Mechanisms: []string{"include:" + s.Include}}); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
		for _, d := range s.Domains {
			once(s, "domain", d)
			if canonical, err := gomail.CanonicalDomain(d); err != nil || canonical != d {
				t.Errorf("%s: the domain %q is not canonical", s.Name, d)
			}
		}
		for _, k := range s.DKIM {
			k = k.For("dept.example.com")
			if !strings.HasSuffix(k.Name, "._domainkey.dept.example.com") || strings.Contains(k.Target, "<domain") {
				t.Errorf("%s: the alias is %v", s.Name, k)
			}
		}
		if u, err := url.Parse(s.Docs); err != nil || u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s is documented at %q", s.Name, s.Docs)
		}
		if _, err := time.Parse(time.DateOnly, s.Checked); err != nil || len(s.Domains) == 0 || !strings.HasSuffix(s.How, ".") || strings.Count(s.How, ". ") > 0 {
			t.Errorf("%s is not complete: %+v", s.Name, s)
		}
	}
	if !slices.IsSortedFunc(Senders(), func(a, b Sender) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the catalogue is not in order")
	}
}

func TestSenderLookUps(t *testing.T) {
	for _, test := range []struct {
		name string
		find func(string) (Sender, bool)
		want string
	}{
		{"sendgrid.net", SenderByInclude, "SendGrid"},
		{"include:SPF.Protection.Outlook.com.", SenderByInclude, "Microsoft 365"},
		{"", SenderByInclude, ""},
		{"outlook.com", SenderByInclude, ""},
		{"mcsv.net", SenderByDomain, "Mailchimp"},
		{"contoso.onmicrosoft.com", SenderByDomain, "Microsoft 365"},
		{"mail-sor-f41.google.com.", SenderByDomain, "Google Workspace"},
		{"notgoogle.com", SenderByDomain, ""},
		{"mail-am5eur02lp2051.outbound.protection.outlook.com", SenderByDomain, "Microsoft 365"},
		{"a8-29.smtp-out.amazonses.com", SenderByDomain, "Amazon SES"},
		{"", SenderByDomain, ""},
	} {
		s, ok := test.find(test.name)
		if s.Name != test.want || ok != (test.want != "") {
			t.Errorf("%q is %q, want %q", test.name, s.Name, test.want)
		}
	}
	got := AuthorizedSenders([]string{"ip4:192.0.2.1", "include:_spf.google.com", "~include:mailgun.org", "include:unknown.example"})
	if len(got) != 2 || got[0].ID != "google" || got[1].ID != "mailgun" {
		t.Errorf("authorised are %+v", got)
	}
}
