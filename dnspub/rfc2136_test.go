package dnspub

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail"
)

// The keys of the test's BIND. All may update example.com; all but "narrow"
// may transfer it.
var bindKeys = map[string]string{
	"full": "hmac-sha256", "long": "hmac-sha512", "narrow": "hmac-sha256", "stranger": "hmac-sha256",
}

const bindSecret = "c2VjcmV0LW9mLXRoZS10ZXN0LTMyLW9jdGV0cy1sb25n"

// bind starts a real BIND with the zone example.com.
func bind(t *testing.T) (server string) {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	var conf strings.Builder
	fmt.Fprintf(&conf, "options { directory %q; pid-file %q; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no; allow-transfer { none; }; };\ncontrols { };\n", dir, filepath.Join(dir, "pid"), port)
	for _, name := range []string{"full", "long", "narrow", "stranger"} {
		fmt.Fprintf(&conf, "key %s { algorithm %s; secret %q; };\n", name, bindKeys[name], bindSecret)
	}
	fmt.Fprintf(&conf, "zone \"example.com\" { type primary; file %q; allow-transfer { key full; key long; }; update-policy { grant full zonesub ANY; grant long zonesub ANY; grant narrow zonesub ANY; }; };\n", filepath.Join(dir, "zone"))
	zone := "$TTL 3600\n@ IN SOA ns1 hostmaster 1 3600 600 86400 300\n@ IN NS ns1\nns1 IN A 127.0.0.1\nchild IN NS ns.elsewhere.example.\n"
	for name, text := range map[string]string{"conf": conf.String(), "zone": zone} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	daemon(t, " running", "/usr/sbin/named", "-g", "-c", filepath.Join(dir, "conf"), "-n", "1", "-U", "1")
	return "127.0.0.1:" + port
}

func bindClient(t *testing.T, server, name, secret string) Provider {
	t.Helper()
	p, err := Open("rfc2136", map[string]string{"server": server, "key_name": name, "algorithm": bindKeys[name], "key": secret}, unhurried())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBIND(t *testing.T) {
	server := bind(t)
	for _, name := range []string{"full", "long"} {
		t.Run(name, func(t *testing.T) {
			testProvider(t, bindClient(t, server, name, bindSecret), traits{noList: true})
		})
	}
	t.Run("WithoutTransfer", func(t *testing.T) { bindWithoutTransfer(t, server) })
	t.Run("Refusals", func(t *testing.T) { bindRefusals(t, server) })
}

// Where transfer is refused, the sets in question are asked for: values of
// others stay.
func bindWithoutTransfer(t *testing.T, server string) {
	full := provided{t, bindClient(t, server, "full", bindSecret), traits{}}
	narrow := provided{t, bindClient(t, server, "narrow", bindSecret), traits{}}
	full.ok(full.SetRecords(t.Context(), "example.com.", rrset{key{"n.example.com", "TXT"}, 600, []string{"theirs"}}.records("example.com")))
	narrow.ok(narrow.AppendRecords(t.Context(), "example.com.", rrset{key{"n.example.com", "TXT"}, 60, []string{"ours"}}.records("example.com")))
	full.holds("n", "TXT", "ours", "theirs")
	if _, ttl := full.values("n", "TXT"); ttl != 10*time.Minute {
		t.Errorf("the TTL became %v", ttl)
	}
	narrow.ok(narrow.DeleteRecords(t.Context(), "example.com.", rrset{key{"n.example.com", "TXT"}, 600, []string{"ours"}}.records("example.com")))
	full.holds("n", "TXT", "theirs")
	got, err := narrow.Provider.(*client).getSets(t.Context(), "example.com", []key{{"n.example.com", "TXT"}, {"nowhere.example.com", "MX"}})
	if err != nil || len(got) != 1 {
		t.Errorf("asked for two sets: %v, %v", got, err)
	}
	if _, err := narrow.GetRecords(t.Context(), "example.com."); gomail.KindOf(err) != gomail.Forbidden || !strings.Contains(err.Error(), "allow-transfer") {
		t.Errorf("the whole zone: %v", err)
	}
}

// What the server says of a key is told as it is.
func bindRefusals(t *testing.T, server string) {
	records := rrset{key{"x.example.com", "TXT"}, 60, []string{"x"}}.records("example.com")
	for name, test := range map[string]struct {
		client Provider
		says   string
	}{
		"another secret":  {bindClient(t, server, "full", "YW5vdGhlciBzZWNyZXQ="), "its secret is another"},
		"an unknown key":  {bindClient(t, server, "nobody", bindSecret), "does not know the key nobody."},
		"a key too small": {bindClient(t, server, "stranger", bindSecret), "does not let the key stranger. update"},
	} {
		_, err := test.client.SetRecords(t.Context(), "example.com.", records)
		if gomail.KindOf(err) != gomail.Forbidden || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), bindSecret) {
			t.Errorf("%s: %v (%v)", name, err, gomail.KindOf(err))
		}
		if err := test.client.(*client).test(t.Context()); (err == nil) != (name == "a key too small") {
			t.Errorf("%s, tested: %v", name, err)
		}
	}
	slow := bindClient(t, server, "full", bindSecret).(*client)
	slow.backend.(*rfc2136).options.Clock = func() time.Time { return time.Now().Add(-time.Hour) }
	if err := slow.test(t.Context()); gomail.KindOf(err) != gomail.Forbidden || !strings.Contains(err.Error(), "clocks") {
		t.Errorf("a clock that is slow: %v", err)
	}
	gone := bindClient(t, "127.0.0.1:"+freePort(t), "full", bindSecret)
	if _, err := gone.GetRecords(t.Context(), "example.com."); gomail.KindOf(err) != gomail.Unavailable {
		t.Errorf("a server that is down: %v", err)
	}
}

// One record that cannot be: nothing of the update is done.
func TestBINDAtomic(t *testing.T) {
	server := bind(t)
	p := provided{t, bindClient(t, server, "full", bindSecret), traits{}}
	sets := []rrset{{key{"one.example.com", "TXT"}, 60, []string{"x"}}, {key{"two.example.com", "A"}, 60, []string{"not an address"}}}
	_, err := p.SetRecords(t.Context(), "example.com.", slices.Concat(sets[0].records("example.com"), sets[1].records("example.com")))
	if gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("%v", err)
	}
	p.holds("one", "TXT")
}

// A foreign text of several strings keeps them when ours is added beside it.
func TestBINDKeepsForeignStrings(t *testing.T) {
	server := bind(t)
	c := bindClient(t, server, "full", bindSecret).(*client).backend.(*rfc2136)
	foreign, err := dns.NewRR(`strings.example.com. 300 IN TXT "one " "two " "three"`)
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	m.SetUpdate("example.com.")
	m.Insert([]dns.RR{foreign})
	if answer, err := c.exchange(t.Context(), m, "the zone"); err != nil || answer.Rcode != dns.RcodeSuccess {
		t.Fatalf("%v, %v", answer, err)
	}
	at := key{"strings.example.com", "TXT"}
	if err := c.write(t.Context(), "example.com", []rrset{{at, 600, []string{"one two three", "ours"}}}); err != nil {
		t.Fatal(err)
	}
	now, err := c.records(t.Context(), "example.com", at)
	if err != nil || len(now) != 2 {
		t.Fatalf("%v, %v", now, err)
	}
	kept := false
	for _, rr := range now {
		kept = kept || len(rr.(*dns.TXT).Txt) == 3
		if rr.Header().Ttl != 600 {
			t.Errorf("the TTL is %d", rr.Header().Ttl)
		}
	}
	if !kept {
		t.Errorf("the foreign text is %v", now)
	}
}
