package e2e

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"

	"gomail/dnsplan"
)

// others is what other services keep in a zone to which mail moves.
const others = `@ A 127.0.73.9
@ TXT "v=spf1 include:_spf.news.test -all"
@ TXT "site-verification=2f9c1d"
@ MX 5 mx.former.test.
@ CAA 0 issue "other-ca.test"
www CNAME example.test.
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@watcher.test"
shop._domainkey TXT "v=DKIM1; k=rsa; p="
_spf.news TXT "v=spf1 ip4:192.0.2.0/24 -all"
`

// published returns what a publication did, by type and name.
func published(t testing.TB, r result) map[string]dnsplan.Result {
	t.Helper()
	all := map[string]dnsplan.Result{}
	for _, r := range decode[dnsplan.Publication](t, r).Results {
		all[r.Type+" "+r.Name] = r
	}
	return all
}

// Publishing into a zone that others use too loses nothing of theirs, asks
// before it takes their mail, and can be undone to the last record.
func TestPublishBesideOthers(t *testing.T) {
	world := startInternet(t, 0)
	provider := world.provider(provider1, hosted{name: "example.test.", lines: others}, hosted{name: "news.test.", lines: `_spf TXT "v=spf1 ip4:192.0.2.0/24 -all"`})
	m := world.join(t)
	before := provider.contents("example.test.")
	if r := m.connect("bind", provider); r.code != 0 {
		t.Fatalf("the connection: %s", r.stderr)
	}

	preview := decode[dnsplan.Preview](t, m.gomail("dns", "publish", "example.test", "--provider", "bind", "--dry-run", "--json"))
	if !strings.Contains(preview.Consent, "mx.former.test") {
		t.Errorf("the preview asks for consent with %q", preview.Consent)
	}
	if after := provider.contents("example.test."); !slices.Equal(before, after) {
		t.Fatalf("a preview changed the zone to\n%s", strings.Join(after, "\n"))
	}

	first := published(t, m.gomail("dns", "publish", "example.test", "--provider", "bind", "--yes", "--json"))
	if r := first["MX example.test"]; r.Outcome != dnsplan.Skipped || !strings.Contains(r.Error, "Type the domain's name") {
		t.Errorf("the foreign MX without consent: %+v", r)
	}
	middle := provider.contents("example.test.")
	kept(t, before, middle, `TXT "v=spf1`, `_dmarc.`)
	for _, want := range []string{
		`example.test. 60 IN MX 5 mx.former.test.`, `TXT "site-verification=2f9c1d"`, `TXT "v=spf1 mx include:_spf.news.test -all"`,
		`CAA 0 issue "other-ca.test"`, `CAA 0 issue "letsencrypt.org"`, "rua=mailto:dmarc@watcher.test", "p=reject",
	} {
		if !slices.ContainsFunc(middle, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("the zone lacks %s:\n%s", want, strings.Join(middle, "\n"))
		}
	}
	if n := len(holding(middle, `"v=spf1 mx`)); n != 1 {
		t.Errorf("the zone has %d SPF records with mx:\n%s", n, strings.Join(middle, "\n"))
	}

	if r := m.gomail("dns", "publish", "example.test", "--provider", "bind", "--yes", "--consent", "other.test"); r.code != 1 || !strings.Contains(r.stderr, "type example.test") {
		t.Errorf("another name was typed: exit %d: %s", r.code, r.stderr)
	}
	second := published(t, m.told("example.test\n", "dns", "publish", "example.test", "--provider", "bind", "--json"))
	if r := second["MX example.test"]; r.Outcome != dnsplan.Done {
		t.Errorf("the MX with consent: %+v", r)
	}
	if r := m.check("example.test"); !r.Ready {
		t.Errorf("after publishing the domain is %+v:\n%s", r.Status, r.states())
	}

	m.must("dns", "undo", "example.test")
	if after := provider.contents("example.test."); !slices.Equal(middle, after) {
		t.Errorf("undone once, the zone is\n%s\nand was\n%s", strings.Join(after, "\n"), strings.Join(middle, "\n"))
	}
	m.must("dns", "undo", "example.test")
	if after := provider.contents("example.test."); !slices.Equal(before, after) {
		t.Errorf("undone, the zone is\n%s\nand was\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	if r := m.gomail("dns", "undo", "example.test"); r.code != 1 || !strings.Contains(r.stderr, "nothing was published") {
		t.Errorf("nothing is left to undo: exit %d: %s", r.code, r.stderr)
	}
}

// kept demands that every line of before that holds none of changed is in
// after too.
func kept(t testing.TB, before, after []string, changed ...string) {
	t.Helper()
	for _, line := range before {
		if !slices.Contains(after, line) && !slices.ContainsFunc(changed, func(c string) bool { return strings.Contains(line, c) }) {
			t.Errorf("lost: %.100s", line)
		}
	}
}

// An edit at the provider is told to the administrator with the exact
// difference, and put back where that is wanted.
func TestEditAtTheProvider(t *testing.T) {
	world := startInternet(t, 0)
	provider := world.provider(provider1, hosted{name: "example.test."})
	m := world.join(t)
	provider.enter("example.test.", lines(m.plan("example.test"), "example.test.", nil))
	if r := m.check("example.test"); !r.Ready {
		t.Fatalf("the domain is %+v:\n%s", r.Status, r.states())
	}
	edit := func(value string) {
		provider.update("example.test.", "delete example.test. TXT", fmt.Sprintf("add example.test. 60 TXT %q", value))
	}
	edit("v=spf1 include:_spf.other.test -all")
	m.check("example.test")
	alert := m.arrived("Subject: TXT example.test is no longer right")
	for _, want := range []string{
		"Previously:   v=spf1 mx ~all", "Now:          v=spf1 include:_spf.other.test -all",
		"Difference:   gone: mx, ~all; new: include:_spf.other.test, -all", "Likely cause:", "Repair:",
		"https://mail.example.test/admin/domains/example.test/records", "gomail dns publish example.test",
	} {
		if !strings.Contains(alert, want) {
			t.Errorf("the alert lacks %q:\n%s", want, alert)
		}
	}

	edit("v=spf1 mx ~all")
	m.check("example.test")
	if r := m.connect("bind", provider); r.code != 0 {
		t.Fatalf("the connection: %s", r.stderr)
	}
	m.must("domain", "set", "example.test", "--connection", "bind", "--keep-in-sync")
	edit("v=spf1 ip4:192.0.2.1 ~all")
	m.check("example.test")
	mended := m.arrived("Subject: TXT example.test is right again: it was changed and put back")
	for _, want := range []string{"Now:          v=spf1 ip4:192.0.2.1 ~all", "gone: mx; new: ip4:192.0.2.1", "It was put back at once. Nothing is to be done."} {
		if !strings.Contains(mended, want) {
			t.Errorf("the mail lacks %q:\n%s", want, mended)
		}
	}
	spf := holding(provider.contents("example.test."), `example.test. 3600 IN TXT "v=spf1 mx`)
	if len(spf) != 1 || !strings.Contains(spf[0], " mx ") {
		t.Errorf("the zone was put right to %q", spf)
	}
	if r := m.check("example.test"); !r.Ready {
		t.Errorf("after that the domain is %+v:\n%s", r.Status, r.states())
	}
}

// arrived waits for a message that holds a text in anna's INBOX, and returns
// it with its body decoded.
func (m *mailServer) arrived(text string) (message string) {
	m.t.Helper()
	eventually(m.t, "a message with "+text, func() bool {
		if found := holding(m.mailbox("INBOX"), text); len(found) > 0 {
			message = found[0]
		}
		return message != ""
	})
	header, body, _ := strings.Cut(message, "\r\n\r\n")
	decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.ReplaceAll(header+"\r\n\r\n"+string(decoded), "\r\n", "\n")
}
