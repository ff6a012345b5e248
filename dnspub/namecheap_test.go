package dnspub

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gomail"
)

// fakeNamecheap keeps one domain as Namecheap's documentation describes it:
// every setHosts replaces all. stale is how many times after a write it still
// shows what was before.
type fakeNamecheap struct {
	*fake
	email  string
	hosts  []namecheapHost
	before []namecheapHost
	stale  int
	old    int // reads that are still stale
	loses  string
}

func newFakeNamecheap(t *testing.T) *fakeNamecheap {
	c := &fakeNamecheap{email: "NONE"}
	c.fake = newFake(t, c.serve)
	return c
}

func (c *fakeNamecheap) refuse(w http.ResponseWriter, number int, message string) {
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><ApiResponse Status="ERROR" xmlns="http://api.namecheap.com/xml.response"><Errors><Error Number="%d">%s</Error></Errors></ApiResponse>`, number, message)
}

func (c *fakeNamecheap) serve(w http.ResponseWriter, r *http.Request) {
	form := r.PostFormValue
	switch {
	case r.URL.Path != "/xml.response" || r.URL.RawQuery != "":
		c.refuse(w, 1010101, "Parameter is missing")
		return
	case form("ApiKey") != "nc-secret" || form("ApiUser") != "anna" || form("UserName") != "anna":
		c.refuse(w, 1011102, "API Key is invalid or API access has not been enabled")
		return
	case form("ClientIp") != "192.0.2.77":
		c.refuse(w, 1011150, "Invalid request IP: 192.0.2.1")
		return
	case form("Command") != "namecheap.domains.getList" && (form("SLD") != "example" || form("TLD") != "com"):
		c.refuse(w, 2019166, "Domain not found")
		return
	}
	fmt.Fprint(w, `<?xml version="1.0" encoding="utf-8"?><ApiResponse Status="OK" xmlns="http://api.namecheap.com/xml.response"><Errors />`)
	fmt.Fprintf(w, `<CommandResponse Type="%s">`, form("Command"))
	switch form("Command") {
	case "namecheap.domains.getList":
		number, _ := strconv.Atoi(form("Page"))
		fmt.Fprintf(w, `<DomainGetListResult><Domain ID="1" Name="%s"/></DomainGetListResult><Paging><TotalItems>12</TotalItems></Paging>`, []string{"first.example", "example.com"}[number-1])
	case "namecheap.domains.dns.getHosts":
		c.get(w)
	case "namecheap.domains.dns.setHosts":
		c.set(w, r)
	}
	fmt.Fprint(w, `</CommandResponse></ApiResponse>`)
}

func (c *fakeNamecheap) get(w http.ResponseWriter) {
	hosts := c.hosts
	if c.old > 0 {
		hosts, c.old = c.before, c.old-1
	}
	fmt.Fprintf(w, `<DomainDNSGetHostsResult Domain="example.com" EmailType="%s" IsUsingOurDNS="true">`, c.email)
	for i, h := range hosts {
		fmt.Fprintf(w, `<host HostId="%d" Name="%s" Type="%s" Address="%s" MXPref="%s" TTL="%s" AssociatedAppTitle="" FriendlyName="" IsActive="true" IsDDNSEnabled="false" />`,
			i, escaped(h.Name), h.Type, escaped(h.Address), h.MXPref, h.TTL)
	}
	fmt.Fprint(w, `</DomainDNSGetHostsResult>`)
}

func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

func (c *fakeNamecheap) set(w http.ResponseWriter, r *http.Request) {
	c.before, c.old, c.hosts = c.hosts, c.stale, nil
	for i := 1; r.PostFormValue(fmt.Sprint("HostName", i)) != ""; i++ {
		value := func(name string) string { return r.PostFormValue(name + strconv.Itoa(i)) }
		h := namecheapHost{value("HostName"), value("RecordType"), value("Address"), value("MXPref"), value("TTL")}
		if h.Type == "MX" && r.PostFormValue("EmailType") != "MX" || h.Address == c.loses {
			continue // which it drops without a word
		}
		c.hosts = append(c.hosts, h)
	}
	c.email = r.PostFormValue("EmailType")
	fmt.Fprint(w, `<DomainDNSSetHostsResult Domain="example.com" IsSuccess="true" />`)
}

func TestNamecheap(t *testing.T) {
	testProvider(t, newFakeNamecheap(t).client("namecheap"), traits{without: []string{"SRV", "TLSA"}, textOnly: true})
}

// Every host that is not ours comes back as it was, whatever its kind.
func TestNamecheapRoundTrip(t *testing.T) {
	c := newFakeNamecheap(t)
	c.email = "MX"
	c.hosts = []namecheapHost{
		{"@", "URL", "http://www.example.com", "10", "100"}, {"shop", "FRAME", "http://shop.example.net", "10", "1799"}, {"@", "TXT", "site=1", "10", "60"},
		{"dyn", "A", "192.0.2.3", "10", "60000"}, {"@", "MX", "mx.old.example.", "33", "1800"}, {"sub", "MX", "mx.sub.example.", "7", "1801"}, {"www", "CNAME", "@", "10", "1800"},
		{"@", "CAA", `0 issue "ca.example"`, "10", "1800"},
	}
	before := slices.Clone(c.hosts)
	p := provided{t, c.client("namecheap"), traits{}}
	p.ok(p.SetRecords(t.Context(), "example.com.", rrset{key{"_dmarc.example.com", "TXT"}, 3600, []string{"v=DMARC1; p=none"}}.records("example.com")))
	want := append(slices.Clone(before), namecheapHost{"_dmarc", "TXT", "v=DMARC1; p=none", "10", "3600"})
	if !slices.Equal(c.hosts, want) || c.email != "MX" {
		t.Errorf("the hosts are\n%v (%s), want\n%v", c.hosts, c.email, want)
	}
	p.holds("@", aliasKind, "http://www.example.com")
	p.holds("www", "CNAME", "example.com.")
	p.ok(p.DeleteRecords(t.Context(), "example.com.", rrset{key{"_dmarc.example.com", "TXT"}, 3600, []string{"v=DMARC1; p=none"}}.records("example.com")))
	if !slices.Equal(c.hosts, before) {
		t.Errorf("the hosts are\n%v, want\n%v", c.hosts, before)
	}
}

// Mail that Namecheap forwards has no MX records among the hosts: they are
// shown, give way to ours, and come back.
func TestNamecheapForwarding(t *testing.T) {
	c := newFakeNamecheap(t)
	c.email = "FWD"
	p := provided{t, c.client("namecheap"), traits{}}
	old, _ := p.values("@", "MX")
	if len(old) != 5 {
		t.Fatalf("forwarding is shown as %q", old)
	}
	p.ok(p.SetRecords(t.Context(), "example.com.", rrset{key{"other.example.com", "TXT"}, 60, []string{"x"}}.records("example.com")))
	if c.email != "FWD" {
		t.Errorf("forwarding was switched to %s", c.email)
	}
	p.ok(p.SetRecords(t.Context(), "example.com.", rrset{key{"example.com", "MX"}, 60, []string{"10 mail.example.com."}}.records("example.com")))
	p.holds("@", "MX", "10 mail.example.com.")
	p.ok(p.SetRecords(t.Context(), "example.com.", rrset{key{"example.com", "MX"}, 60, old}.records("example.com")))
	if p.holds("@", "MX", old...); c.email != "FWD" {
		t.Errorf("forwarding did not come back: %s", c.email)
	}
}

// A reader that is some moments behind is waited for; a record that was lost
// is told.
func TestNamecheapVerifies(t *testing.T) {
	c := newFakeNamecheap(t)
	c.stale = 2
	p := provided{t, c.client("namecheap"), traits{}}
	records := rrset{key{"x.example.com", "TXT"}, 60, []string{"value"}}.records("example.com")
	p.ok(p.SetRecords(t.Context(), "example.com.", records))
	if !slices.Equal(c.waits, []time.Duration{time.Second, 2 * time.Second}) {
		t.Errorf("waited for %v", c.waits)
	}
	c.stale, c.loses = 0, "value"
	if _, err := p.SetRecords(t.Context(), "example.com.", records); gomail.KindOf(err) != gomail.Unavailable || !strings.Contains(err.Error(), "the TXT of x.example.com") {
		t.Errorf("a record that was lost: %v", err)
	}
}

func TestNamecheapErrors(t *testing.T) {
	c := newFakeNamecheap(t)
	wrong := credentialsOf("namecheap")
	wrong["client_ip"] = "192.0.2.1"
	p, err := Open("namecheap", wrong, c.options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.GetRecords(t.Context(), "example.com."); gomail.KindOf(err) != gomail.Forbidden || !strings.Contains(err.Error(), "whitelist") {
		t.Errorf("from another address: %v", err)
	}
	wrong["client_ip"] = "2001:db8::1"
	if _, err = Open("namecheap", wrong, c.options()); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("with an IPv6 address: %v", err)
	}
	c.fail(status(200, `<ApiResponse Status="ERROR"><Errors><Error Number="500000">Too many requests</Error></Errors></ApiResponse>`))
	if _, err = c.client("namecheap").GetRecords(t.Context(), "example.com."); err != nil || len(c.waits) != 1 {
		t.Errorf("after %v: %v", c.waits, err)
	}
	c.fail(status(200, `<ApiResponse Status="OK"><Errors/><CommandResponse><DomainDNSGetHostsResult EmailType="NONE" IsUsingOurDNS="false"/></CommandResponse></ApiResponse>`))
	if _, err = c.client("namecheap").GetRecords(t.Context(), "example.com."); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("a zone that is elsewhere: %v", err)
	}
}
