package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/domains"
	"gomail/internal/config"
)

// What GoMail was told to write is no loss; what somebody else did meanwhile
// is.
func TestOwnChange(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	const spf, foreign = "v=spf1 mx ~all", "google-site-verification=x"
	publication := func(ago time.Duration, after ...string) dnsplan.Publication {
		r := dnsplan.Result{Change: dnsplan.Change{Name: "example.com", Type: "TXT"}, Outcome: dnsplan.Done}
		for _, v := range after {
			r.After = append(r.After, dnsplan.Value{Text: v})
		}
		return dnsplan.Publication{At: now.Add(-ago), Results: []dnsplan.Result{r}}
	}
	for _, test := range []struct {
		name    string
		journal []dnsplan.Publication
		after   []string
		own     bool
	}{
		{"nothing was published", nil, nil, false},
		{"taken back a moment ago", []dnsplan.Publication{publication(time.Minute, foreign), publication(time.Hour, spf, foreign)}, nil, true},
		{"published, and deleted by somebody", []dnsplan.Publication{publication(time.Minute, spf, foreign)}, nil, false},
		{"published, and edited by somebody", []dnsplan.Publication{publication(time.Minute, spf)}, []string{"v=spf1 -all"}, false},
		{"taken back to what was there", []dnsplan.Publication{publication(time.Minute, "v=spf1 -all", foreign)}, []string{"v=spf1 -all"}, true},
		{"taken back long ago", []dnsplan.Publication{publication(3*time.Hour, foreign)}, nil, false},
	} {
		e := dnsplan.Entry{At: now, Name: "example.com", Type: "TXT", Before: dnsplan.Moment{Values: []string{spf}}, After: dnsplan.Moment{Values: test.after}}
		if got := ownChange(test.journal, e); got != test.own {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

// What all domains share is told once, to whoever runs the server; the alerts
// of many domains at once are bounded, and none is lost: it fails, and the watch
// tries again.
func TestAlertsOfManyDomains(t *testing.T) {
	s, sent := newAlerts(t, "mail.example.net")
	domain := func(i int) string { return fmt.Sprintf("d%d.example", i) }
	for i := range 3 {
		if _, err := s.domains.Add(t.Context(), domain(i), domains.AddOptions{Algorithm: domains.Ed25519, Settings: gomail.DomainSettings{Parked: i == 2}}); err != nil {
			t.Fatal(err)
		}
	}
	alertOf := func(domain string, lost ...dnsplan.Entry) error {
		return s.alert(t.Context(), dnsplan.Alert{Domain: domain, At: time.Now(), Lost: lost})
	}
	own := dnsplan.Entry{Name: "d.example", Type: "TXT", Key: string(dnsplan.SPF)}
	for i := range 3 {
		err := alertOf(domain(i), own,
			dnsplan.Entry{Name: "mail.example.net", Type: "A", Key: string(dnsplan.Address)},
			dnsplan.Entry{Name: "192.0.2.1 at bl.example", Type: string(dnsplan.ProbeBlockList), Key: string(dnsplan.ProbeBlockList)})
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"postmaster@mail.example.net: 2 DNS records of mail.example.net are no longer right",
		"postmaster@d0.example: TXT d.example is no longer right", "postmaster@d1.example: TXT d.example is no longer right",
		"postmaster@mail.example.net: TXT d.example is no longer right", // d2 is parked, and takes no mail
	}
	if !slices.Equal(*sent, want) {
		t.Errorf("sent were\n%s", strings.Join(*sent, "\n"))
	}
	var err error
	for range 2 * alertsAnHour {
		err = alertOf(domain(0), own)
	}
	if gomail.KindOf(err) != gomail.Throttled || len(*sent) != alertsAnHour+1 {
		t.Errorf("%d were sent, the last ended with %v", len(*sent), err)
	}
}

// Where the mail host lies in a hosted domain, its records are that domain's.
func TestAlertsOfTheMailHostsDomain(t *testing.T) {
	s, sent := newAlerts(t, "mail.example.com")
	for _, name := range []string{"example.com", "example.org"} {
		if _, err := s.domains.Add(t.Context(), name, domains.AddOptions{Algorithm: domains.Ed25519}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"example.org", "example.com"} {
		err := s.alert(t.Context(), dnsplan.Alert{Domain: name, At: time.Now(), Lost: []dnsplan.Entry{{Name: "1.2.0.192.in-addr.arpa", Type: "PTR", Key: string(dnsplan.Reverse)}}})
		if err != nil {
			t.Error(err)
		}
	}
	if want := []string{"postmaster@example.com: PTR 1.2.0.192.in-addr.arpa is no longer right"}; !slices.Equal(*sent, want) {
		t.Errorf("sent were %q", *sent)
	}
}

// newAlerts returns services whose messages are noted.
func newAlerts(t *testing.T, hostname string) (*services, *[]string) {
	t.Helper()
	c := config.Default()
	c.Server.Hostname, c.Server.DataDir, c.Secrets.KeyFile = hostname, t.TempDir(), filepath.Join(t.TempDir(), "secret.key")
	s, err := openServices(t.Context(), c, outside{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	sent := &[]string{}
	s.announce = func(_ context.Context, to gomail.Address, subject, _ string) error {
		*sent = append(*sent, to.String()+": "+subject)
		return nil
	}
	return s, sent
}

// Links in mail lead to where the configuration says that the pages are.
func TestPublicURL(t *testing.T) {
	s := &server{services: &services{config: config.Default()}}
	s.config.Server.Hostname = "mail.example.com"
	if got := s.page("example.net"); got != "https://mail.example.com/admin/domains/example.net" {
		t.Errorf("a domain's page is %s", got)
	}
	s.config.Web.PublicURL = "https://proxy.example.com:8443"
	if got := s.page("example.net"); got != "https://proxy.example.com:8443/admin/domains/example.net" {
		t.Errorf("behind a proxy a domain's page is %s", got)
	}
	if got := s.publicSite(); got != "https://proxy.example.com:8443" {
		t.Errorf("behind a proxy lists lead to %q", got)
	}
}
