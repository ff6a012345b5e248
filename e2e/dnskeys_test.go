package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gomail/web/api"
)

// sinkAddress is where remote.test takes mail.
const sinkAddress = "127.0.71.25"

// sink is Postfix's smtp-sink, which keeps each message in a file.
type sink struct {
	*process
	dir string
}

func startSink(t testing.TB) *sink {
	t.Helper()
	need(t, "/usr/sbin/smtp-sink")
	s := &sink{dir: t.TempDir()}
	s.process = start(t, nil, "/usr/sbin/smtp-sink", "-4", "-u", "root", "-d", filepath.Join(s.dir, "m."), sinkAddress+":25", "10")
	eventually(t, "smtp-sink to listen", func() bool {
		c, err := net.Dial("tcp", sinkAddress+":25")
		if err == nil {
			c.Close()
		}
		return err == nil && s.running()
	})
	return s
}

// received waits for the message with a subject.
func (s *sink) received(subject string) (message string) {
	s.t.Helper()
	eventually(s.t, "the message "+subject+" at remote.test", func() bool {
		files, _ := filepath.Glob(filepath.Join(s.dir, "m.*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			text := strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n")
			if err == nil && strings.Contains(text, "Subject: "+subject+"\r\n") && strings.Contains(text, "the last line\r\n") {
				message = strings.TrimRight(text, "\r\n") + "\r\n"
			}
		}
		return message != ""
	})
	return message
}

// sends submits a message as somebody and returns it as it left.
func (m *mailServer) sends(s *sink, from account, subject string) string {
	m.t.Helper()
	c := dialSMTPS(m.t, m.bound["submission.tls_listen"], trust(m.t, filepath.Join(m.dir, "self-signed.pem"), "mail.example.test"))
	defer c.Close()
	c.ehlo()
	c.want("235", "AUTH PLAIN %s", plain(from))
	if reply := c.message(from.Address, "joe@remote.test", "From: "+from.Address+"\r\nTo: joe@remote.test\r\nSubject: "+subject+"\r\n\r\nthe last line\r\n"); !strings.HasPrefix(reply, "250") {
		m.t.Fatal(reply)
	}
	return s.received(subject)
}

// verified has dkimpy verify a message by what the resolver has now: it has to
// be signed by exactly these selectors.
func verified(t testing.TB, message string, selectors ...string) {
	t.Helper()
	r := run(t, message, "/usr/bin/python3", "testdata/verifydns.py", resolverAddress)
	got := strings.Fields(strings.ReplaceAll(r.stdout, " pass", ""))
	slices.Sort(got)
	if r.code != 0 || !slices.Equal(got, selectors) {
		t.Errorf("dkimpy: exit %d, want %v: %s%s", r.code, selectors, r.stdout, r.stderr)
	}
}

// keys returns the states of a domain's keys by selector.
func (m *mailServer) keys(domain string) map[string]string {
	m.t.Helper()
	states := map[string]string{}
	for _, k := range decode[[]api.Key](m.t, m.gomail("dkim", "list", domain, "--json")) {
		states[k.Selector] = string(k.State)
	}
	return states
}

// The first keys of a domain sign as soon as they are published, and not
// before. A rotation publishes the new ones by itself; whatever happens to
// provider and server meanwhile, all mail can be verified.
func TestKeysInTheDNS(t *testing.T) {
	world := startInternet(t, 0)
	remote := startSink(t)
	provider := world.provider(provider1, hosted{name: "example.test."}, hosted{name: "late.test."})
	world.provider(provider2, hosted{name: "remote.test.", lines: "@ MX 10 mx\nmx A " + sinkAddress})
	m := world.join(t)
	late := account{"carl@late.test", "a password for carl"}
	m.must("domain", "add", "late.test", "--dkim-algorithm", "both")
	if r := m.told(late.Password+"\n", "account", "add", late.Address, "--password-stdin"); r.code != 0 {
		t.Fatal(r.stderr)
	}

	if early := m.sends(remote, late, "too early"); strings.Contains(early, "DKIM-Signature:") {
		t.Errorf("mail is signed with keys that nobody can find:\n%s", early)
	}
	provider.enter("late.test.", lines(m.plan("late.test"), "late.test.", nil))
	provider.enter("example.test.", lines(m.plan("example.test"), "example.test.", nil))
	world.forget()
	verified(t, m.sends(remote, m.anna, "right after publishing"), "mail", "mail-rsa")
	m.check("late.test")
	verified(t, m.sends(remote, late, "published later"), "mail", "mail-rsa")

	if r := m.connect("bind", provider); r.code != 0 {
		t.Fatal(r.stderr)
	}
	m.must("domain", "set", "late.test", "--connection", "bind")
	m.must("dkim", "rotate", "late.test")
	provider.shows(m, "late.test")
	verified(t, m.sends(remote, late, "two pairs are published"), "mail", "mail-rsa")

	m.must("domain", "set", "example.test", "--connection", "bind")
	provider.kill()
	m.must("dkim", "rotate", "example.test")
	outage := m.sends(remote, m.anna, "while the provider is down")
	m.kill()
	m.start(t)
	restarted := m.sends(remote, m.anna, "while it still is")
	provider.start()
	m.check("example.test")
	provider.shows(m, "example.test")
	for _, message := range []string{outage, restarted, m.sends(remote, m.anna, "when it is back")} {
		verified(t, message, "mail", "mail-rsa")
	}
	if r := m.gomail("check"); r.code != 0 {
		t.Errorf("gomail check: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// shows waits until the provider has the new keys of a rotation, and demands
// that the old ones go on signing and the new ones wait.
func (n *nameServer) shows(m *mailServer, domain string) {
	n.t.Helper()
	var fresh []string
	for selector, state := range m.keys(domain) {
		switch {
		case selector == "mail" || selector == "mail-rsa":
			if state != "active" {
				n.t.Errorf("during the rotation the key %s is %s", selector, state)
			}
		case state != "pending":
			n.t.Errorf("the new key %s is %s", selector, state)
		default:
			fresh = append(fresh, selector)
		}
	}
	if len(fresh) != 2 {
		n.t.Fatalf("the rotation made the keys %v", fresh)
	}
	eventually(n.t, fmt.Sprintf("the keys %v to be at the provider", fresh), func() bool {
		return !slices.ContainsFunc(fresh, func(selector string) bool {
			return len(n.ask(selector+"._domainkey."+domain, dns.TypeTXT).Answer) == 0
		})
	})
}
