package dnsplan

import (
	"strings"
	"testing"

	"gomail"
)

func TestValidate(t *testing.T) {
	if err := Validate(gomail.DomainSettings{}); err != nil {
		t.Errorf("what a new domain starts with: %v", err)
	}
	if err := Validate(fullDomain().Settings); err != nil {
		t.Errorf("every setting used: %v", err)
	}
	type set = gomail.DomainSettings
	for name, s := range map[string]set{
		"TTL":                       {TTL: 1},
		"catch-all":                 {CatchAll: "nobody"},
		"SPF ending":                {SPF: gomail.SPFSettings{All: "+all"}},
		"SPF term":                  {SPF: gomail.SPFSettings{Mechanisms: []string{"ip4:300.1.1.1"}}},
		"SPF all":                   {SPF: gomail.SPFSettings{Mechanisms: []string{"?all"}}},
		"SPF modifier":              {SPF: gomail.SPFSettings{Mechanisms: []string{"redirect=example.net"}}},
		"SPF two in one":            {SPF: gomail.SPFSettings{Mechanisms: []string{"a mx"}}},
		"SPF look-ups":              {SPF: gomail.SPFSettings{Mechanisms: strings.Fields(strings.Repeat("include:a.example ", 10))}},
		"DMARC policy":              {DMARC: gomail.DMARCSettings{Policy: "none; p=reject"}},
		"DMARC subdomain policy":    {DMARC: gomail.DMARCSettings{SubdomainPolicy: "monitor"}},
		"DMARC alignment":           {DMARC: gomail.DMARCSettings{ADKIM: "x"}},
		"DMARC failure options":     {DMARC: gomail.DMARCSettings{FO: "1:2"}},
		"DMARC reports":             {DMARC: gomail.DMARCSettings{RUA: []string{"admin"}}},
		"DMARC report twice in one": {DMARC: gomail.DMARCSettings{RUA: []string{"mailto:a@example.com,mailto:b@example.com"}}},
		"DMARC report size":         {DMARC: gomail.DMARCSettings{RUF: []string{"mailto:a@example.com!big"}}},
		"DMARC report literal":      {DMARC: gomail.DMARCSettings{RUF: []string{"a@[192.0.2.1]"}}},
		"DMARC report over HTTP":    {DMARC: gomail.DMARCSettings{RUF: []string{"https://example.com/"}}},
		"MTA-STS mode":              {MTASTS: gomail.MTASTSSettings{Mode: "on"}},
		"MTA-STS age":               {MTASTS: gomail.MTASTSSettings{MaxAge: mostMaxAge + 1}},
		"MTA-STS id":                {MTASTS: gomail.MTASTSSettings{PolicyID: "2025-01-01"}},
		"TLS reports":               {TLSRPT: gomail.TLSRPTSettings{RUA: []string{"http://example.com"}}},
		"CA":                        {CAA: gomail.CAASettings{Issuers: []string{"Let's Encrypt"}}},
		"DKIM algorithm":            {DKIM: gomail.DKIMSettings{Algorithm: "dsa"}},
		"DKIM selector":             {DKIM: gomail.DKIMSettings{Selector: "Mail 1"}},
		"DKIM selector's length":    {DKIM: gomail.DKIMSettings{Selector: strings.Repeat("a", 41)}},
		"DKIM every day":            {DKIM: gomail.DKIMSettings{RenewDays: 1}},
		"DKIM in a million years":   {DKIM: gomail.DKIMSettings{RenewDays: 365_000_000}},
		"CA parameters":             {CAA: gomail.CAASettings{Issuers: []string{"ca.example; x=\"\n\""}}},
	} {
		err := Validate(s)
		if gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever settings pass, their plan is well-formed: nothing breaks out of a
// record or into another.
func FuzzValidate(f *testing.F) {
	f.Add("include:_spf.example.net", "admin@example.com", "https://example.com/tls", "letsencrypt.org", "20250101", 0)
	f.Add("exists:%{i}.x.example.net", "mailto:a%2Cb@reports.example!10m", "mailto:b@example.com", "ca.example; accounturi=https://x/y", "a", 86400)
	f.Add("ip6:2001:db8::/32", "a?b#c@example.com", "ü@example.com", "ca.example;a=\\", "\"", -1)
	f.Fuzz(func(t *testing.T, mechanism, rua, tls, ca, id string, age int) {
		d := fullDomain()
		d.Settings.SPF.Mechanisms = []string{mechanism}
		d.Settings.DMARC.RUA = []string{rua}
		d.Settings.DMARC.RUF = nil
		d.Settings.TLSRPT.RUA = []string{tls}
		d.Settings.CAA.Issuers = []string{ca}
		d.Settings.MTASTS = gomail.MTASTSSettings{PolicyID: id, MaxAge: age}
		if Validate(d.Settings) != nil {
			return
		}
		plan := Plan(fullServer(), d)
		checkPlan(t, plan)
		for _, r := range plan {
			if !printable(strings.ReplaceAll(r.Value, " ", "")) {
				t.Errorf("%q", r.Value)
			}
			if r.Purpose == DMARC && strings.Count(r.Value, "rua=") != 1 || r.Purpose == DMARC && strings.Count(r.Value, ";") != 8 {
				t.Errorf("%q", r.Value)
			}
		}
	})
}
