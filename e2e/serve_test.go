package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// installation is `gomail serve` on a data directory with a configuration of
// the test's own, and a DNS of the test's own.
type installation struct {
	*process
	dir   string
	bound map[string]string // "smtp.listen" → "127.0.0.1:4321"
	anna  account
}

var listening = regexp.MustCompile(`msg=listening for=(\S+) address=(\S+)`)

// serve starts an installation for example.test with the account anna. extra
// is added to the configuration.
func serve(t testing.TB, resolver, extra string) *installation {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	i := &installation{dir: dir, anna: account{"anna@example.test", "a password for anna"}}
	mustRun(t, "", binary, "--dir", dir, "domain", "add", "example.test")
	mustRun(t, i.anna.Password+"\n", binary, "--dir", dir, "account", "add", i.anna.Address, "--admin", "--password-stdin")
	text := `
[server]
hostname = "mail.example.test"
[submission]
listen = ["127.0.0.1:0"]
tls_listen = ["127.0.0.1:0"]
[imap]
listen = ["127.0.0.1:0"]
tls_listen = ["127.0.0.1:0"]
[web]
listen = ["127.0.0.1:0"]
http_listen = ["127.0.0.1:0"]
[dns]
resolvers = ["` + resolver + `"]
[outbound]
allow_private_networks = true
` + extra
	if !strings.Contains(extra, "[smtp]") {
		text += "[smtp]\nlisten = [\"127.0.0.1:0\"]\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "gomail.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i.start(t)
	t.Cleanup(func() {
		if i.running() {
			i.stop()
		}
	})
	return i
}

// start runs the server and waits until it is ready.
func (i *installation) start(t testing.TB) {
	t.Helper()
	i.process = start(t, nil, binary, "serve", "--dir", i.dir)
	eventually(t, "the server to be ready", func() bool {
		if !i.running() {
			t.Fatalf("the server ended with %d: %s", i.code, i.stderr.String())
		}
		return strings.Contains(i.stderr.String(), "msg=ready")
	})
	i.bound = map[string]string{}
	for _, m := range listening.FindAllStringSubmatch(i.stderr.String(), -1) {
		i.bound[m[1]] = m[2]
	}
}

// mailbox returns every message of one of anna's mailboxes.
func (i *installation) mailbox(box string) []string {
	i.t.Helper()
	c := dialIMAP(i.t, i.bound["imap.tls_listen"], trust(i.t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"), i.anna)
	defer c.Close()
	return messagesIn(i.t, c, box)
}

// zone is a DNS as a test writes it: lines of a zone file, and names whose
// servers fail.
type zone struct {
	mu      sync.Mutex
	records map[string][]dns.RR
	broken  map[string]bool
}

// add publishes lines of a zone file.
func (z *zone) add(t testing.TB, lines ...string) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, line := range lines {
		if name, ok := strings.CutSuffix(line, " SERVFAIL"); ok {
			z.broken[dns.CanonicalName(name)] = true
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name := dns.CanonicalName(rr.Header().Name)
		z.records[name] = append(z.records[name], rr)
	}
}

// serveDNS starts a name server for the lines and returns its address.
func serveDNS(t testing.TB, lines ...string) string {
	t.Helper()
	_, address := startDNS(t, lines...)
	return address
}

// startDNS is serveDNS for tests that publish more later.
func startDNS(t testing.TB, lines ...string) (*zone, string) {
	t.Helper()
	z := &zone{records: map[string][]dns.RR{}, broken: map[string]bool{}}
	z.add(t, lines...)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: udp, Handler: z}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go server.ActivateAndServe()
	<-started
	t.Cleanup(func() { server.Shutdown() })
	return z, udp.LocalAddr().String()
}

// ServeDNS answers one question.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	name := dns.CanonicalName(q.Question[0].Name)
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.broken[name] {
		m.Rcode = dns.RcodeServerFailure
		w.WriteMsg(m)
		return
	}
	for _, rr := range z.records[name] {
		if rr.Header().Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	if len(z.records[name]) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	w.WriteMsg(m)
}

// forged is a world in which mail from 127.0.0.1 is anybody's.
func forged() []string {
	return []string{
		`reject.test. 60 TXT "v=spf1 -all"`, `_dmarc.reject.test. 60 TXT "v=DMARC1; p=reject"`,
		`quarantine.test. 60 TXT "v=spf1 -all"`, `_dmarc.quarantine.test. 60 TXT "v=DMARC1; p=quarantine"`,
		`sub.reject.test. 60 TXT "v=spf1 -all"`,
		`none.test. 60 TXT "v=spf1 -all"`, `_dmarc.none.test. 60 TXT "v=DMARC1; p=none"`,
		`honest.test. 60 TXT "v=spf1 ip4:127.0.0.1 -all"`, `_dmarc.honest.test. 60 TXT "v=DMARC1; p=reject"`,
		"broken.test. SERVFAIL", `_dmarc.broken.test. 60 TXT "v=DMARC1; p=reject"`,
		`silent.test. 60 TXT "v=spf1 -all"`, "_dmarc.silent.test. SERVFAIL",
	}
}

// What the author's domain asks for is done within the mode, and a DNS that
// does not answer never refuses mail.
func TestPolicyOfTheAuthor(t *testing.T) {
	resolver := serveDNS(t, forged()...)
	for _, mode := range []string{"reject", "quarantine", "observe"} {
		i := serve(t, resolver, fmt.Sprintf("[smtp]\nlisten = [\"127.0.0.1:0\"]\nauthentication = %q\n", mode))
		for domain, want := range map[string]map[string]string{
			"reject.test":     {"reject": "refused", "quarantine": "Junk", "observe": "INBOX"},
			"sub.reject.test": {"reject": "refused", "quarantine": "Junk", "observe": "INBOX"},
			"quarantine.test": {"reject": "Junk", "quarantine": "Junk", "observe": "INBOX"},
			"none.test":       {"reject": "INBOX", "quarantine": "INBOX", "observe": "INBOX"},
			"honest.test":     {"reject": "INBOX", "quarantine": "INBOX", "observe": "INBOX"},
			"broken.test":     {"reject": "INBOX", "quarantine": "INBOX", "observe": "INBOX"},
			"silent.test":     {"reject": "INBOX", "quarantine": "INBOX", "observe": "INBOX"},
			"nothing.test":    {"reject": "INBOX", "quarantine": "INBOX", "observe": "INBOX"},
		} {
			if got := i.whereGoes(domain); got != want[mode] {
				t.Errorf("mode %s: mail from %s goes to %s, want %s", mode, domain, got, want[mode])
			}
		}
		i.stop()
	}
}

// whereGoes sends a message that claims to be from a domain and says where it
// ended.
func (i *installation) whereGoes(domain string) string {
	i.t.Helper()
	c := dialSMTP(i.t, i.bound["smtp.listen"])
	c.ehlo()
	mark := "Subject: from " + domain + "."
	reply := c.message("x@"+domain, i.anna.Address, "From: x@"+domain+"\r\nTo: "+i.anna.Address+"\r\n"+mark+"\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nx\r\n")
	if strings.HasPrefix(reply, "550") {
		if !strings.Contains(reply, "DMARC") || !strings.Contains(reply, "reject.test") {
			i.t.Errorf("the refusal does not say why: %s", reply)
		}
		return "refused"
	}
	if !strings.HasPrefix(reply, "250") {
		return reply
	}
	for _, box := range []string{"INBOX", "Junk"} {
		if len(holding(i.mailbox(box), mark)) == 1 {
			return box
		}
	}
	return "nowhere"
}

// Results in our name that a stranger wrote are gone, ours stand at the top.
func TestForgedResults(t *testing.T) {
	i := serve(t, serveDNS(t, forged()...), "")
	c := dialSMTP(t, i.bound["smtp.listen"])
	c.ehlo()
	reply := c.message("x@honest.test", i.anna.Address, "Authentication-Results: mail.example.test; dmarc=pass header.from=forged.test\r\n"+
		"Authentication-Results: other.test; spf=pass\r\nFrom: x@honest.test\r\nSubject: s\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nx\r\n")
	if !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	got := i.mailbox("INBOX")[0]
	if strings.Contains(got, "forged.test") || !strings.Contains(got, "other.test; spf=pass") || strings.Count(got, "Authentication-Results: mail.example.test;") != 1 {
		t.Errorf("anna reads\n%s", got)
	}
}

// No password, key or token stands in the log, whatever level it has.
func TestLogHoldsNoSecrets(t *testing.T) {
	i := serve(t, serveDNS(t, forged()...), "[log]\nlevel = \"debug\"\n")
	c := dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
	c.ehlo()
	c.want("535", "AUTH PLAIN %s", plain(account{i.anna.Address, "canary-wrong-password"}))
	c.want("235", "AUTH PLAIN %s", plain(i.anna))
	c.message(i.anna.Address, i.anna.Address, "From: "+i.anna.Address+"\r\nSubject: s\r\n\r\ncanary-body\r\n")
	eventually(t, "the message to arrive", func() bool { return len(i.mailbox("INBOX")) == 1 })
	i.stop()
	log := i.stderr.String()
	key, err := os.ReadFile(filepath.Join(i.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"canary", i.anna.Password, plain(i.anna), string(bytes.TrimSpace(key)), "PRIVATE"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log, "msg=sign-in outcome=refused") || !strings.Contains(log, "msg=sign-in outcome=ok") || !strings.Contains(log, "outcome=delivered") {
		t.Errorf("the log lacks outcomes:\n%s", log)
	}
}
