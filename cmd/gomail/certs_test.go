package main

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"gomail/certs"
	"gomail/cmd/gomail/internal/sandbox"
)

// A name is proved by a record that is set at its domain's DNS provider, seen
// at every name server, and taken away.
func TestChallengeAtTheProvider(t *testing.T) {
	r := startRotation(t, func(int64) fault { return works })
	c := challenges{r.services}
	const name = "mta-sts." + sandbox.FreshDomain
	const record, value = "_acme-challenge." + name, "Zm9v-_bar"
	if !c.Covers(t.Context(), name) || c.Covers(t.Context(), "mta-sts.elsewhere.test") {
		t.Fatal("the wrong names can be proved by records")
	}
	visible := func(want bool) {
		t.Helper()
		if got, err := c.Visible(t.Context(), name, record, value); got != want || err != nil {
			t.Errorf("visible: %v, %v", got, err)
		}
	}
	visible(false)
	if err := c.Present(t.Context(), name, record, value); err != nil {
		t.Fatal(err)
	}
	visible(true)
	if err := c.Remove(t.Context(), name, record, value); err != nil {
		t.Fatal(err)
	}
	visible(false)
}

// A failing order is told to whoever can do something about it: the mail host's
// to its postmaster, a domain's to those who manage that.
func TestCertificateAlerts(t *testing.T) {
	s, sent := newAlerts(t, "mail.example.net")
	o := certs.Order{
		Name: "mail.example.net", State: certs.Failing, Since: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(20 * 24 * time.Hour), Failures: 5,
		Cause: certs.Cause{Code: certs.PortClosed, Found: "Port 80 is closed.", Mend: "Open it."},
	}
	if err := s.certificateAlert(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Name, o.Domain = "mta-sts.example.com", "example.com"
	if err := s.certificateAlert(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(*sent, "\n")
	for _, want := range []string{"postmaster@mail.example.net", "The certificate of mail.example.net cannot be renewed", "postmaster@example.com", "The certificate of mta-sts.example.com cannot be renewed"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in what was sent:\n%s", want, text)
		}
	}
}

// The plan names the key that the next certificate has too, before any has
// come.
func TestKeyInThePlan(t *testing.T) {
	r := startRotation(t, func(int64) fault { return works })
	r.config.TLS.Mode, r.config.TLS.ACMEDirectory = "acme", "https://ca.test/directory"
	r.settings.until = time.Time{}
	server, err := r.settings.Server(t.Context())
	if err != nil || len(server.TLSA) != 0 {
		t.Fatalf("before the first start the plan has %v, %v", server.TLSA, err)
	}
	m, err := certs.New(certs.Config{Hostname: r.config.Server.Hostname, ACME: &certs.ACME{Directory: r.config.TLS.ACMEDirectory, Vault: r.vault}})
	if err != nil {
		t.Fatal(err)
	}
	r.settings.until = time.Time{}
	server, err = r.settings.Server(t.Context())
	if want := sha256.Sum256(m.Certificate().RawSubjectPublicKeyInfo); err != nil || len(server.TLSA) != 1 || server.TLSA[0] != want || !server.KeyKept {
		t.Errorf("the plan has %v, %v", server.TLSA, err)
	}
	var problems []string
	if err := r.check(t.Context(), func(p string) { problems = append(problems, p) }); err != nil || len(problems) > 0 {
		t.Errorf("check: %v %v", problems, err)
	}
	if err := r.store.SetCertValue(t.Context(), "x", []byte("open")); err != nil {
		t.Fatal(err)
	}
	if err := r.check(t.Context(), func(p string) { problems = append(problems, p) }); err != nil || len(problems) != 1 {
		t.Errorf("check of a damaged value: %v %v", problems, err)
	}
}
