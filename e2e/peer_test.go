package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The two servers of these tests have a loopback address each, because MX
// records know no other port than 25.
const (
	ourAddress  = "127.0.70.1"
	peerAddress = "127.0.70.2"
)

// postfixPeer is a Postfix that serves peer.test with the mailbox bob, and
// relays for this machine.
type postfixPeer struct {
	*process
	dir string
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = mx.peer.test
mydomain = peer.test
myorigin = peer.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_bind_address = %[2]s
virtual_mailbox_domains = peer.test
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = inline:{ bob@peer.test=bob/ }
virtual_alias_maps = inline:{ gone@peer.test=nobody@example.test }
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
alias_maps =
transport_maps = inline:{ {example.test = smtp:[%[3]s]} }
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_security_level = encrypt
smtp_tls_loglevel = 1
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_cert_file = %[1]s/tls.pem
smtpd_tls_key_file = %[1]s/tls.pem
smtpd_recipient_restrictions = permit_mynetworks reject_unauth_destination
smtpd_reject_unlisted_recipient = yes
`

// startPostfixPeer runs a Postfix with directories of its own. extra is added
// to its main.cf, with its directory in place of %[1]s.
func startPostfixPeer(t testing.TB, extra ...string) *postfixPeer {
	t.Helper()
	needRoot(t, "Postfix is started on port 25 of a loopback address")
	need(t, "/usr/sbin/postfix")
	dir, err := os.MkdirTemp("", "gomail-postfix-") // Postfix's own users have to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"", "etc", "spool", "data", "mail/bob"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		os.Chmod(filepath.Join(dir, sub), 0o755)
	}
	mustRun(t, "", "chown", "postfix", filepath.Join(dir, "data"))
	mustRun(t, "", "chown", "-R", "nobody", filepath.Join(dir, "mail"))
	write(t, filepath.Join(dir, "tls.pem"), selfSigned(t, "mx.peer.test"))
	etc := filepath.Join(dir, "etc")
	write(t, filepath.Join(etc, "main.cf"), overridden(fmt.Sprintf(postfixMain, dir, peerAddress, ourAddress), strings.ReplaceAll(strings.Join(extra, ""), "%[1]s", dir)))
	master, err := os.ReadFile("testdata/postfix-master.cf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(etc, "master.cf"), string(master))
	os.Chmod(filepath.Join(etc, "main.cf"), 0o644)
	os.Chmod(filepath.Join(etc, "master.cf"), 0o644)
	p := &postfixPeer{dir: dir}
	p.process = start(t, nil, "/usr/sbin/postfix", "-c", etc, "start-fg")
	t.Cleanup(func() { exec.Command("/usr/sbin/postfix", "-c", etc, "stop").Run() })
	eventually(t, "Postfix to listen", func() bool {
		if !p.running() {
			t.Fatalf("Postfix ended: %s%s\n%s", p.stdout.String(), p.stderr.String(), p.log())
		}
		c, err := net.Dial("tcp", peerAddress+":25")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

// overridden returns a main.cf with further lines, without those whose keys
// these set: Postfix warns of each in every process, until its own logger
// waits for itself.
func overridden(main, extra string) string {
	key := func(line string) string { k, _, _ := strings.Cut(line, "="); return strings.TrimSpace(k) }
	set := map[string]bool{}
	for line := range strings.Lines(extra) {
		set[key(line)] = true
	}
	var b strings.Builder
	for line := range strings.Lines(main) {
		if !set[key(line)] {
			b.WriteString(line)
		}
	}
	return b.String() + extra
}

func (p *postfixPeer) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(text)
}

// received waits for a message that holds a text in bob's mailbox.
func (p *postfixPeer) received(text string) (message string) {
	p.t.Helper()
	eventually(p.t, "a message with "+text+" in Postfix's mailbox", func() bool {
		files, _ := filepath.Glob(filepath.Join(p.dir, "mail/bob/new/*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err == nil && strings.Contains(string(b), text) {
				message = string(b)
				return true
			}
		}
		return false
	})
	return message
}

// selfSigned returns a certificate and its key in PEM.
func selfSigned(t testing.TB, host string) string {
	t.Helper()
	return selfSignedUntil(t, host, time.Now().Add(time.Hour))
}

// selfSignedUntil is selfSigned with an end.
func selfSignedUntil(t testing.TB, host string, end time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: end.Add(-2 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// peers starts both servers and the DNS in which they find each other; our
// plan is published in it.
func peers(t testing.TB) (*installation, *postfixPeer) {
	t.Helper()
	peer := startPostfixPeer(t)
	dnsZone, resolver := startDNS(t, "peer.test. 60 MX 10 mx.peer.test.", "mx.peer.test. 60 A "+peerAddress,
		`peer.test. 60 TXT "v=spf1 ip4:`+peerAddress+` -all"`, `mx.peer.test. 60 TXT "v=spf1 ip4:`+peerAddress+` -all"`, `_dmarc.peer.test. 60 TXT "v=DMARC1; p=reject"`)
	i := serve(t, resolver, "bind_addresses = [\""+ourAddress+"\"]\n[smtp]\nlisten = [\""+ourAddress+":25\"]\n")
	plan := decode[[]struct {
		Name, Type, Value string
		Priority          *int
	}](t, run(t, "", binary, "--dir", i.dir, "dns", "plan", "example.test", "--json"))
	for _, r := range plan {
		switch r.Type {
		case "TXT":
			var parts string
			for v := r.Value; v != ""; v = v[min(255, len(v)):] {
				parts += fmt.Sprintf(" %q", v[:min(255, len(v))])
			}
			dnsZone.add(t, r.Name+". 60 TXT"+parts)
		case "MX":
			dnsZone.add(t, fmt.Sprintf("%s. 60 MX %d %s", r.Name, *r.Priority, r.Value))
		}
	}
	dnsZone.add(t, "mail.example.test. 60 A "+ourAddress)
	return i, peer
}

// submit sends a message as anna.
func (i *installation) submit(to, text string) {
	i.t.Helper()
	c := dialSMTPS(i.t, i.bound["submission.tls_listen"], trust(i.t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
	c.ehlo()
	c.want("235", "AUTH PLAIN %s", plain(i.anna))
	if reply := c.message(i.anna.Address, to, text); !strings.HasPrefix(reply, "250") {
		i.t.Fatal(reply)
	}
}

// Mail in both directions between GoMail and Postfix, over TLS; what we sign
// convinces the judges, and what we cannot deliver is reported.
func TestPostfixBothWays(t *testing.T) {
	need(t, "swaks", "/usr/bin/python3")
	i, peer := peers(t)

	i.submit("bob@peer.test", "From: "+i.anna.Address+"\r\nTo: bob@peer.test\r\nSubject: to Postfix\r\n\r\n..a line with a dot\r\n\r\n\r\n")
	got := peer.received("Subject: to Postfix")
	if !strings.Contains(got, "using TLSv1.3") || strings.Count(got, "DKIM-Signature: ") != 2 || !strings.Contains(got, "\n.a line with a dot\n") {
		t.Errorf("Postfix has\n%s", got)
	}
	judges := newJudges(t, run(t, "", binary, "--dir", i.dir, "dns", "plan", "example.test", "--json"))
	judges.verify(t, strings.ReplaceAll(got, "\n", "\r\n")) // Postfix keeps lines as Unix does

	mustRun(t, "", "swaks", "--server", peerAddress+":25", "--helo", "localhost", "--from", "bob@peer.test", "--to", i.anna.Address, "--header", "Subject: from Postfix")
	eventually(t, "Postfix's message to arrive", func() bool { return len(holding(i.mailbox("INBOX"), "Subject: from Postfix")) == 1 })
	came := holding(i.mailbox("INBOX"), "Subject: from Postfix")[0]
	for _, want := range []string{"spf=pass", "dmarc=pass", "with ESMTPS id", "Return-Path: <bob@peer.test>"} {
		if !strings.Contains(came, want) {
			t.Errorf("%q is missing in\n%s", want, came)
		}
	}

	i.submit("nobody@peer.test", "From: "+i.anna.Address+"\r\nTo: nobody@peer.test\r\nSubject: in vain\r\n\r\nx\r\n")
	eventually(t, "the notification", func() bool { return len(holding(i.mailbox("INBOX"), "Final-Recipient: rfc822; nobody@peer.test")) == 1 })
	report := holding(i.mailbox("INBOX"), "Final-Recipient: rfc822; nobody@peer.test")[0]
	for _, want := range []string{"Return-Path: <>", "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1", "Remote-MTA: dns; mx.peer.test", "DKIM-Signature: "} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is missing in\n%s", want, report)
		}
	}
	judges.verify(t, report)

	mustRun(t, "", "swaks", "--server", peerAddress+":25", "--helo", "localhost", "--from", "bob@peer.test", "--to", "nobody@example.test", "--header", "Subject: to nobody")
	if bounce := peer.received("Subject: Undelivered Mail Returned to Sender"); !strings.Contains(bounce, "550 5.1.1") {
		t.Errorf("Postfix tells bob\n%s", bounce)
	}
}
