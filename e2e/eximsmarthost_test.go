package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// eximRelay makes Exim a relay: who has signed in over TLS, by PLAIN or LOGIN,
// may send to anybody. It keeps what it takes as files.
const eximRelay = `tls_advertise_hosts = *
tls_certificate = %[1]s/tls.pem
tls_privatekey = %[1]s/tls.pem
auth_advertise_hosts = ${if def:tls_in_cipher {*}{}}
begin acl
acl_rcpt:
  accept authenticated = *
  deny message = sign in first
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{relayed}}{eq{$auth3}{correct horse}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{relayed}}{eq{$auth2}{correct horse}}}}
  server_set_id = $auth1
begin routers
`

// TestSmarthostExim sends one domain's mail through Exim by PLAIN and by LOGIN,
// and another destination's past it.
func TestSmarthostExim(t *testing.T) {
	dir := t.TempDir()
	conf := strings.Replace(strings.Replace(eximConf, "tls_advertise_hosts =\ndomainlist local_domains = example.test\n", "", 1), "begin acl\nacl_rcpt:\n  accept hosts = 127.0.0.1\nbegin routers\nmailboxes:\n  driver = accept\n  domains = +local_domains\n  transport = gomail\n", eximRelay, 1)
	e := startEximWith(t, conf, filepath.Join(dir, "unused"), selfSigned(t, "mx.exim.test"))
	_, port, _ := net.SplitHostPort(e.address)
	_, resolver := startDNS(t, "mx.exim.test. 60 A 127.0.0.1", "past.test. SERVFAIL")
	secret := write(t, filepath.Join(dir, "password"), relayPassword+"\n")
	os.Chmod(secret, 0o600)
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		i := serve(t, resolver, "[[outbound.smarthosts]]\nhost = \"mx\"\ndestinations = [\"past.test\"]\n[[outbound.smarthosts]]\nhost = \"mx.exim.test:"+port+
			"\"\nsenders = [\"example.test\"]\nusername = \"relayed\"\npassword_file = \""+secret+"\"\nmechanism = \""+mechanism+"\"\n[tls]\nacme_ca_file = \""+filepath.Join(e.dir, "tls.pem")+"\"\n")
		subject := "Subject: through Exim by " + mechanism
		i.submit("bob@far.test", "From: "+i.anna.Address+"\r\n"+subject+"\r\n\r\nx\r\n")
		i.submit("bob@past.test", "From: "+i.anna.Address+"\r\nSubject: past Exim\r\n\r\nx\r\n")
		eventually(t, subject, func() bool {
			files, _ := filepath.Glob(filepath.Join(e.dir, "mail/new/*"))
			for _, f := range files {
				text, _ := os.ReadFile(f)
				if strings.Contains(string(text), subject) {
					return true
				}
			}
			return false
		})
		eventually(t, "the message past Exim to wait", func() bool {
			return strings.Contains(mustRun(t, "", binary, "--dir", i.dir, "queue", "list"), "bob@past.test")
		})
		if log := e.log(); !strings.Contains(log, "A="+strings.ToLower(mechanism)+":relayed") || !strings.Contains(log, "X=TLS1.3") || strings.Contains(log, "past.test") {
			t.Errorf("Exim says\n%s", log)
		}
		i.stop()
	}
}
