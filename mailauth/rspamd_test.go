package mailauth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gomail"
)

// rspamdConf has rspamd authenticate and nothing else, ask one name server and
// remember nothing. The suffixes of names are few: its own list takes seconds
// to load.
const rspamdConf = `
options {
  filters = "dkim"; disable_hyperscan = true; allow_raw_input = true; local_addrs = [];
  pidfile = "DIR/pid"; control_socket = "DIR/control"; cache_file = "DIR/cache"; hs_cache_dir = "DIR/"; tempdir = "DIR"; url_tld = "DIR/suffixes";
  dns { nameserver = ["127.0.0.1:PORT:1"]; timeout = 2s; retransmits = 2; }
}
logging { type = "console"; level = "warning"; }
lang_detection { enabled = false; languages = "DIR"; }
worker "normal" { bind_socket = "DIR/socket mode=0600"; count = 1; }
lua = "DIR/empty.lua";
modules { path = "/usr/share/rspamd/plugins"; }
spf { spf_cache_size = 0; }
dkim { dkim_cache_size = 0; check_local = true; }
dmarc { }
arc { check_local = true; }
group "policies" { symbols = {
  R_DKIM_ALLOW { weight = 0.1; } R_DKIM_REJECT { weight = 0.1; } R_DKIM_TEMPFAIL { weight = 0.1; } R_DKIM_PERMFAIL { weight = 0.1; } DKIM_TRACE { weight = 0.1; }
} }
`

// rspamd is a running rspamd with the name server that it asks.
type rspamd struct {
	zones  *zoneServer
	client *http.Client
}

func startRspamd(t *testing.T) *rspamd {
	t.Helper()
	dir, err := os.MkdirTemp("", "rspamd") // t.TempDir makes paths too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rspamd{zones: serveZones(t)}
	conf := strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(r.zones.addr.Port)).Replace(rspamdConf)
	for name, text := range map[string]string{"conf": conf, "empty.lua": "", "suffixes": "com\nexample\nnet\norg\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cmd := exec.Command("rspamd", "-i", "-f", "-c", filepath.Join(dir, "conf"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make test installs what this needs)", err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); <-ended })
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "socket"))
	}}
	r.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for {
		resp, err := r.client.Get("http://rspamd/ping")
		if err == nil {
			resp.Body.Close()
			return r
		}
		select {
		case <-ended:
			t.Fatalf("rspamd ended: %s", log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// symbols are rspamd's names for what our Summary says.
var symbols = map[string]string{
	"R_SPF_ALLOW": "spf=pass", "R_SPF_FAIL": "spf=fail", "R_SPF_SOFTFAIL": "spf=softfail", "R_SPF_NEUTRAL": "spf=neutral",
	"R_SPF_DNSFAIL": "spf=temperror", "R_SPF_PERMFAIL": "spf=permerror", "R_SPF_NA": "spf=none",
	"DMARC_POLICY_ALLOW": "dmarc=pass none", "DMARC_POLICY_REJECT": "dmarc=fail reject", "DMARC_POLICY_QUARANTINE": "dmarc=fail quarantine",
	"DMARC_POLICY_SOFTFAIL": "dmarc=fail none", "DMARC_NA": "dmarc=none none", "DMARC_DNSFAIL": "dmarc=temperror none", "DMARC_BAD_POLICY": "dmarc=bad none",
	"ARC_ALLOW": "arc=pass", "ARC_REJECT": "arc=fail", "ARC_INVALID": "arc=fail", "ARC_DNSFAIL": "arc=fail", "ARC_NA": "arc=none",
}

// verdicts is what rspamd finds out about a message, in our words.
func (r *rspamd) verdicts(t *testing.T, m mail) string {
	t.Helper()
	r.zones.current.Store(&m.zone)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://rspamd/checkv2", bytes.NewReader(m.raw))
	for name, value := range map[string]string{"IP": m.client, "Helo": m.helo, "From": m.from.String(), "Rcpt": "b@example.net"} {
		req.Header.Set(name, value)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Symbols map[string]struct{ Options []string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for name := range answer.Symbols {
		if method, value, ok := strings.Cut(symbols[name], "="); ok {
			found[method] = value
		}
	}
	return fmt.Sprintf("spf=%s dkim=%s dmarc=%s arc=%s", found["spf"], trace(answer.Symbols["DKIM_TRACE"].Options), found["dmarc"], found["arc"])
}

// trace is whether any of the signatures passes, could not be checked, or is
// there at all.
func trace(signatures []string) string {
	all := strings.Join(signatures, " ") + " "
	for _, c := range []struct{ mark, status string }{{":+ ", "pass"}, {":? ", "temperror"}, {":- ", "fail"}, {":~ ", "permerror"}} {
		if strings.Contains(all, c.mark) {
			return c.status
		}
	}
	return "none"
}

// verdicts is what we find out, in as many words.
func verdicts(r Result) string {
	dkim := "none"
	for _, status := range []string{"permerror", "fail", "temperror", "pass"} {
		for _, s := range r.DKIM {
			if string(s.Status) == status {
				dkim = status
			}
		}
	}
	return fmt.Sprintf("spf=%s dkim=%s dmarc=%s %s arc=%s", r.SPF.Status, dkim, r.DMARC.Status, r.DMARC.Policy, r.ARC.Status)
}

// rspamdDiffers are the messages of which rspamd says something else, and why.
var rspamdDiffers = map[string]string{
	"no From":    "spf=pass dkim=none dmarc=none none arc=none", // it has no permerror
	"two From":   "spf=pass dkim=none dmarc=none none arc=none", // it lets several fields pass without a policy
	"nine Froms": "spf=pass dkim=none dmarc=none none arc=none",
	// It passes over what is wrong in a record (RFC 7208 4.6, 5.2, 4.5 want permerror).
	"SPF with a mistake":        "spf=fail dkim=pass dmarc=pass none arc=none",
	"SPF that includes nothing": "spf=fail dkim=pass dmarc=pass none arc=none",
	"SPF twice":                 "spf=pass dkim=pass dmarc=pass none arc=none",
	"loopback":                  "spf= dkim=pass dmarc= arc=none", // it does not examine what comes from its own host
}

// TestRspamdAgrees has rspamd judge all messages whose verdicts are known.
func TestRspamdAgrees(t *testing.T) {
	r := startRspamd(t)
	for _, c := range append(judgements(t), moreJudgements(t)...) {
		if stuck(c.mail.zone) {
			continue
		}
		m := c.mail.complete()
		ours, theirs := verdicts(m.check(t)), r.verdicts(t, m)
		if want, differs := rspamdDiffers[c.what]; theirs != ours && theirs != want || differs && ours == theirs {
			t.Errorf("%s: we say %s, rspamd says %s", c.what, ours, theirs)
		}
	}
}

// moreJudgements are messages for whose verdicts the RFCs leave no choice.
func moreJudgements(t *testing.T) []judgement {
	t.Helper()
	good := signedMessage(t, plain)
	from := func(domain string) *gomail.Address { return &gomail.Address{Local: "x", Domain: domain} }
	record := func(name, text string) zone { return with(map[string]string{"TXT " + name: text}) }
	below := strings.Replace(plain, "anna@example.com", "anna@sub.example.com", 1)
	sealed := passedOn(t, "dmarc=pass header.from=example.com")
	broken := sealed
	broken.raw = append(bytes.Clone(sealed.raw), "spam"...)
	all := []judgement{
		{what: "SPF softfail", mail: mail{raw: good, client: "198.51.100.1", zone: record("example.com", "v=spf1 mx ~all")}},
		{what: "SPF neutral", mail: mail{raw: good, client: "198.51.100.1", zone: record("example.com", "v=spf1 mx ?all")}},
		{what: "SPF with nothing at its end", mail: mail{raw: good, client: "198.51.100.1", zone: record("example.com", "v=spf1 mx")}},
		{what: "SPF with a mistake", mail: mail{raw: good, client: "198.51.100.1", zone: record("example.com", "v=spf1 mx ip4:nonsense -all")}},
		{what: "SPF that includes nothing", mail: mail{raw: good, client: "198.51.100.1", zone: record("example.com", "v=spf1 include:none.example.org -all")}},
		{what: "SPF twice", mail: mail{raw: good, zone: zone{"TXT example.com": {"v=spf1 mx -all", "v=spf1 -all"}}.and(with(nil))}},
		{what: "SPF redirect", mail: mail{raw: good, client: "198.51.100.1", zone: with(map[string]string{"TXT example.com": "v=spf1 redirect=_spf.example.org", "TXT _spf.example.org": "v=spf1 ip4:198.51.100.0/24 -all"})}},
		{what: "SPF redirect to nothing", mail: mail{raw: good, client: "198.51.100.1", zone: record("example.com", "v=spf1 redirect=none.example.org")}},
		{what: "SPF include", mail: mail{raw: good, client: "198.51.100.1", zone: with(map[string]string{"TXT example.com": "v=spf1 include:_spf.example.org -all", "TXT _spf.example.org": "v=spf1 ip4:198.51.100.0/24 -all"})}},
		{what: "SPF with a macro", mail: mail{raw: good, client: "198.51.100.1", zone: with(map[string]string{"TXT example.com": "v=spf1 exists:%{ir}.%{l}.spf.example.org -all", "A 1.100.51.198.anna.spf.example.org": "127.0.0.2"})}},
		{what: "IPv6", mail: mail{raw: good, client: "2001:db8::1", zone: record("example.com", "v=spf1 ip6:2001:db8::/32 -all")}},
		{what: "relaxed alignment", mail: mail{raw: []byte(plain), client: "198.51.100.1", from: from("bounce.example.com"), zone: record("bounce.example.com", "v=spf1 ip4:198.51.100.1 -all")}},
		{what: "strict SPF", mail: mail{raw: []byte(plain), client: "198.51.100.1", from: from("bounce.example.com"),
			zone: with(map[string]string{"TXT bounce.example.com": "v=spf1 ip4:198.51.100.1 -all", "TXT _dmarc.example.com": "v=DMARC1; p=reject; aspf=s"})}},
		{what: "a subdomain", mail: mail{raw: []byte(below), client: "198.51.100.1"}},
		{what: "a subdomain with sp", mail: mail{raw: []byte(below), client: "198.51.100.1", zone: record("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine")}},
		{what: "a subdomain with a record", mail: mail{raw: []byte(below), client: "198.51.100.1", zone: record("_dmarc.sub.example.com", "v=DMARC1; p=none")}},
		{what: "strict DKIM", mail: mail{raw: signedMessage(t, below), client: "198.51.100.1", zone: record("_dmarc.example.com", "v=DMARC1; p=reject; adkim=s")}},
		{what: "keys revoked", mail: mail{raw: good, client: "198.51.100.1", zone: with(map[string]string{"TXT mail._domainkey.example.com": "v=DKIM1; p=", "TXT mail-rsa._domainkey.example.com": "v=DKIM1; p="})}},
		{what: "keys missing", mail: mail{raw: good, client: "198.51.100.1", zone: with(map[string]string{"TXT mail._domainkey.example.com": "", "TXT mail-rsa._domainkey.example.com": ""})}},
		{what: "sealed", mail: sealed},
		{what: "changed after the seal", mail: broken},
		{what: "sealed, of the DNS nothing", mail: mail{raw: sealed.raw, client: "198.51.100.1", zone: sealed.zone.without("TXT s._domainkey.lists.example")}},
		{what: "nine Froms", mail: mail{raw: []byte(strings.Repeat("From: eve@example.org\r\n", 8) + plain)}},
	}
	for what, text := range oddMessages {
		all = append(all, judgement{what: "signed, " + what, mail: mail{raw: signedMessage(t, text), client: "198.51.100.1"}})
	}
	return all
}

// oddMessages are such as the two canonical forms are about.
var oddMessages = map[string]string{
	"folded":         "From: Anna\r\n\t<anna@example.com>\r\nTo: joe@example.net," + strings.Repeat("\r\n  somebody <somebody@example.net>,", 100) + "\r\n\tlast@example.net\r\n\r\nx\r\n",
	"spaces":         "From:anna@example.com   \r\nTo:  joe@example.net\t \r\nSubject:  a \t b\r\n \t c  \r\n\r\na \t b \r\n\t\r\n  \r\nend\t\r\n",
	"eight bits":     "From: anna@example.com\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ngr\xfc\xdfe\r\n",
	"UTF-8 fields":   "From: \xc3\x84nna <anna@example.com>\r\nSubject: \xe2\x82\xac\r\n\r\n\xe2\x82\xac\r\n",
	"trailing lines": "From: anna@example.com\r\n\r\nx\r\n\r\n\r\n\r\n",
	"only lines":     "From: anna@example.com\r\n\r\n\r\n\r\n",
	"no body":        "From: anna@example.com\r\n\r\n",
	"dots":           "From: anna@example.com\r\n\r\n.\r\n..\r\n.x\r\n.\r\n",
	"large":          "From: anna@example.com\r\n\r\n" + strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz\r\n", 1<<20/38),
	"fields twice":   "Comments: a\r\nComments: b\r\nFrom: anna@example.com\r\nReply-To: a@example.net\r\nComments: c\r\n\r\nx\r\n",
}

// and adds what z does not have.
func (z zone) and(more zone) zone {
	for key, values := range more {
		if z[key] == nil {
			z[key] = values
		}
	}
	return z
}

// without is z without one entry.
func (z zone) without(key string) zone {
	left := zone{}.and(z)
	delete(left, key)
	return left
}
