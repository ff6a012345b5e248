package dnsplan

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail"
)

// bind is a real BIND on a port of the loopback, authoritative for zones.
type bind struct {
	*testing.T
	port  string
	zones []string // most specific first
}

// startBind serves zones, each with a SOA, an NS and what the map holds. It
// fails where BIND is not installed: what it proves, nothing else does.
func startBind(t *testing.T, zones map[string]string) *bind {
	t.Helper()
	for range 5 {
		if b := tryBind(t, zones); b != nil {
			return b
		}
	}
	t.Fatal("named did not start on any port")
	return nil
}

func tryBind(t *testing.T, zones map[string]string) *bind {
	t.Helper()
	named, err := exec.LookPath("named")
	if err != nil {
		t.Fatalf("BIND is needed: %v", err)
	}
	dir := t.TempDir()
	b := &bind{T: t, port: freePort(t)}
	config := fmt.Sprintf("options { directory %q; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none; session-keyfile none; dnssec-validation no; notify no; max-journal-size 1m; };\ncontrols { };\n", dir, b.port)
	for name, records := range zones {
		b.zones = append(b.zones, name)
		file := strings.ReplaceAll(name, "/", "-") + ".zone"
		head := "$TTL 3600\n@ IN SOA ns.test. admin.test. 1 3600 600 86400 60\n@ IN NS ns.test.\n"
		write(t, filepath.Join(dir, file), head+records)
		config += fmt.Sprintf("zone %q { type primary; file %q; allow-update { 127.0.0.1; }; check-integrity no; };\n", name, file)
	}
	slices.SortFunc(b.zones, func(x, y string) int { return len(y) - len(x) })
	write(t, filepath.Join(dir, "named.conf"), config)
	var log bytes.Buffer
	cmd := exec.Command(named, "-g", "-c", filepath.Join(dir, "named.conf"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // how it ends is seen in its log
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		<-ended
	})
	if b.awaitReady(ended) {
		return b
	}
	<-ended
	t.Logf("named ended:\n%s", log.String())
	return nil
}

// awaitReady returns false when named has ended.
func (b *bind) awaitReady(ended chan struct{}) bool {
	for range 200 {
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
		q := new(dns.Msg).SetQuestion(dns.Fqdn(b.zones[0]), dns.TypeSOA)
		if in, err := dns.Exchange(q, "127.0.0.1:"+b.port); err == nil && len(in.Answer) > 0 {
			return true
		}
	}
	b.Fatal("named does not answer")
	return false
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask asks one question as a look at the DNS would.
func (b *bind) ask(q Question) Answer {
	b.Helper()
	a := Answer{Server: "named", Status: NXDomain, TTL: 60}
	msg := new(dns.Msg).SetQuestion(dns.Fqdn(q.Name), dns.StringToType[q.Type])
	in, err := dns.Exchange(msg, "127.0.0.1:"+b.port)
	if err == nil && in.Truncated {
		in, _, err = (&dns.Client{Net: "tcp"}).Exchange(msg, "127.0.0.1:"+b.port)
	}
	switch {
	case err != nil:
		b.Fatalf("asking for %v: %v", q, err)
	case in.Rcode == dns.RcodeRefused: // none of its zones: somebody else would say that there is nothing
		return a
	case in.Rcode == dns.RcodeNameError:
		return a
	case in.Rcode != dns.RcodeSuccess:
		b.Fatalf("asking for %v: %s", q, dns.RcodeToString[in.Rcode])
	}
	a.Status = NoData
	for _, rr := range in.Answer {
		if alias, ok := rr.(*dns.CNAME); ok && q.Type != "CNAME" {
			a.Aliases = append(a.Aliases, alias.Target)
			continue
		}
		a.Status, a.TTL = Answered, int(rr.Header().Ttl)
		a.Values = append(a.Values, valueOf(rr))
	}
	return a
}

func valueOf(rr dns.RR) Value {
	switch rr := rr.(type) {
	case *dns.TXT:
		return Value{Text: unescape(strings.Join(rr.Txt, ""))}
	case *dns.MX:
		return Value{Text: rr.Mx, Priority: int(rr.Preference)}
	}
	return Value{Text: data(rr)}
}

// look asks all that a plan needs.
func (b *bind) look(records []Record, zone string) Seen {
	b.Helper()
	seen := Seen{Answers: map[Question][]Answer{}, Zone: zone, Now: time.Now()}
	for questions := Questions(records); len(questions) > 0; questions = FollowUps(records, seen) {
		for _, q := range questions {
			seen.Answers[q] = []Answer{b.ask(q)}
		}
	}
	return seen
}

// allOK fails unless everything that the plan wants is there.
func (b *bind) allOK(records []Record, zone string) {
	b.Helper()
	findings := Compare(records, b.look(records, zone))
	for _, f := range findings {
		if f.State != OK && f.State != InapplicableNow {
			b.Errorf("%s %s is %s (%s): %s %v", f.Type, f.Name, f.State, f.Code, f.Fix, f.Found)
		}
	}
	if !Ready(findings) {
		b.Error("the domain is not ready")
	}
}

// nsupdate runs a script against the server.
func (b *bind) nsupdate(script string) error {
	b.Helper()
	tool, err := exec.LookPath("nsupdate")
	if err != nil {
		b.Fatalf("nsupdate is needed: %v", err)
	}
	cmd := exec.Command(tool)
	cmd.Stdin = strings.NewReader("server 127.0.0.1 " + b.port + "\n" + script)
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("update failed")) {
		return fmt.Errorf("%v: %s", err, out)
	}
	return nil
}

// reals are plans to publish for real, with the zones that they touch.
func reals(t *testing.T) map[string]struct {
	records []Record
	zone    string
	others  []string
} {
	type real = struct {
		records []Record
		zone    string
		others  []string
	}
	reverse := []string{"2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"}
	full := fullDomain()
	_, full.Keys = simKeys(t)
	for _, state := range []gomail.DKIMKeyState{gomail.DKIMPending, gomail.DKIMRetiring, gomail.DKIMRevoked} {
		k := full.Keys[0]
		k.Selector, k.State = "mail-"+string(state), state
		full.Keys = append(full.Keys, k)
	}
	full.Settings.CAA.Issuers = full.Settings.CAA.Issuers[:1]
	dept := testDomain()
	dept.Name = "dept.example.com"
	dept.Settings.DMARC.RUA = []string{"dmarc@reports.example.net"}
	parked := Domain{Domain: gomail.Domain{Name: "parked.example", Settings: gomail.DomainSettings{Parked: true}}}
	return map[string]real{
		"every setting":  {Plan(fullServer(), full), "example.org", append([]string{"host.example", "example.net"}, reverse...)},
		"plain":          {Plan(testServer(), testDomain()), "example.com", reverse},
		"below the apex": {Plan(testServer(), dept), "example.com", append([]string{"example.net"}, reverse...)},
		"parked":         {Plan(testServer(), parked), "parked.example", nil},
	}
}

// A plan's zone file, loaded by a real server and read back through the DNS,
// is the plan.
func TestRealZoneFile(t *testing.T) {
	for name, r := range reals(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zones := map[string]string{r.zone: ZoneIn(r.records, r.zone)}
			for _, other := range r.others {
				zones[other] = ZoneIn(r.records, other)
			}
			if _, ok := zones["example.net"]; ok {
				zones["example.net"] += "_spf IN TXT \"v=spf1 ip4:198.51.100.7 -all\"\n"
			}
			startBind(t, zones).allOK(r.records, r.zone)
		})
	}
}

// A plan's nsupdate script makes an empty zone that plan, and leaves what
// else is there.
func TestRealNSUpdate(t *testing.T) {
	for name, r := range reals(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zones := map[string]string{r.zone: "@ IN TXT \"google-site-verification=1\"\n"}
			for _, other := range r.others {
				zones[other] = ""
			}
			if _, ok := zones["example.net"]; ok {
				zones["example.net"] += "_spf IN TXT \"v=spf1 ip4:198.51.100.7 -all\"\n"
			}
			b := startBind(t, zones)
			for zone := range zones {
				if err := b.nsupdate(NSUpdate(r.records, zone)); err != nil {
					t.Fatal(err)
				}
			}
			b.allOK(r.records, r.zone)
			if texts := b.ask(Question{r.zone, "TXT"}).Values; !slices.Contains(texts, Value{Text: "google-site-verification=1"}) {
				t.Errorf("a foreign record is gone: %v", texts)
			}
		})
	}
}

// A zone in use is merged: foreign values stay, the owner's SPF is extended,
// and a zone that has changed meanwhile is left alone.
func TestRealMergedNSUpdate(t *testing.T) {
	server := testServer()
	server.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	records := slices.DeleteFunc(Plan(server, testDomain()), func(r Record) bool { return r.SetAt != DNSProvider })
	b := startBind(t, map[string]string{"example.com": "@ IN TXT \"v=spf1 ip4:198.51.100.7 ~all\"\n@ IN TXT \"a;b \\\"c\\\" d\"\n@ IN MX 10 mail.example.com.\n@ IN CAA 0 issue \"digicert.com\"\nwww IN A 198.51.100.9\nmail IN A 192.0.2.1\n"})
	script, err := NSUpdateChanges(Merge(records, b.look(records, "example.com")), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.nsupdate(script); err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	for _, f := range Compare(records, b.look(records, "example.com")) {
		if f.State != OK && f.State != OKDiffers {
			t.Errorf("%s %s is %s (%s): %s", f.Type, f.Name, f.State, f.Code, f.Fix)
		}
	}
	texts := b.ask(Question{"example.com", "TXT"}).Values
	for _, want := range []string{"v=spf1 mx ip4:198.51.100.7 ~all", `a;b "c" d`} {
		if !slices.Contains(texts, Value{Text: want}) {
			t.Errorf("%q is not among %v", want, texts)
		}
	}
	if a := b.ask(Question{"www.example.com", "A"}); len(a.Values) != 1 {
		t.Error("a name that is none of ours is gone")
	}
	if err := b.nsupdate(script); err == nil || !strings.Contains(err.Error(), "RRSET") {
		t.Errorf("the script for another state of the zone was applied: %v", err)
	}
}
