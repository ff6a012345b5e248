package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smarthostMain turns the Postfix of these tests into a provider's relay: who
// signs in over TLS may send to anybody, nobody else to anybody.
const smarthostMain = `
mynetworks =
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_authenticated_header = yes
smtpd_relay_restrictions = permit_sasl_authenticated reject
smtpd_recipient_restrictions = permit_sasl_authenticated reject
`

// saslConf is a Dovecot that knows one name and nothing but sign-in.
const saslConf = `base_dir = %[1]s/dovecot
state_dir = %[1]s/dovecot-state
log_path = %[1]s/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login scram-sha-256
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %[1]s/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s
}
service auth {
  unix_listener %[1]s/spool/private/auth {
    mode = 0666
  }
}
`

const relayPassword = "correct horse"

// startSmarthost runs Postfix with Dovecot's sign-in.
func startSmarthost(t testing.TB) *postfixPeer {
	t.Helper()
	need(t, "/usr/sbin/dovecot")
	p := startPostfixPeer(t, smarthostMain)
	write(t, filepath.Join(p.dir, "users"), "relayed:"+relayPassword+"\n")
	os.Chmod(filepath.Join(p.dir, "users"), 0o644)
	for _, sub := range []string{"dovecot", "dovecot-state"} {
		if err := os.Mkdir(filepath.Join(p.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := write(t, filepath.Join(p.dir, "dovecot.conf"), strings.ReplaceAll(strings.ReplaceAll(saslConf, "%[1]s", p.dir), "%%", "%"))
	d := start(t, nil, "/usr/sbin/dovecot", "-F", "-c", conf)
	eventually(t, "Dovecot's sign-in to be there", func() bool {
		if !d.running() {
			log, _ := os.ReadFile(filepath.Join(p.dir, "dovecot.log"))
			t.Fatalf("Dovecot ended: %s%s", d.stderr.String(), log)
		}
		_, err := os.Stat(filepath.Join(p.dir, "spool/private/auth"))
		return err == nil
	})
	return p
}

// TestSmarthost sends through a Postfix that demands TLS and a sign-in, by each
// mechanism; what is wrong with the smarthost is said plainly.
func TestSmarthost(t *testing.T) {
	p := startSmarthost(t)
	_, resolver := startDNS(t, "mx.peer.test. 60 A "+peerAddress, "wrong.peer.test. 60 A "+peerAddress)
	secret := write(t, filepath.Join(t.TempDir(), "password"), relayPassword+"\n")
	os.Chmod(secret, 0o600)
	with := func(host, password, more string) string {
		return "smarthost = \"" + host + "\"\nsmarthost_username = \"relayed\"\nsmarthost_password_file = \"" + password + "\"\n" + more +
			"[tls]\nacme_ca_file = \"" + filepath.Join(p.dir, "tls.pem") + "\"\n"
	}
	for _, mechanism := range []string{"", "PLAIN", "LOGIN"} {
		more := ""
		if mechanism != "" {
			more = "smarthost_mechanism = \"" + mechanism + "\"\n"
		}
		i := serve(t, resolver, with("mx.peer.test:25", secret, more))
		subject := "Subject: relayed by " + orElse(mechanism, "SCRAM-SHA-256")
		i.submit("bob@peer.test", "From: "+i.anna.Address+"\r\nTo: bob@peer.test\r\n"+subject+"\r\n\r\nx\r\n")
		if got := p.received(subject); !strings.Contains(got, "Authenticated sender: relayed") || !strings.Contains(got, "using TLSv1.3") {
			t.Errorf("Postfix has\n%s", got)
		}
		said := mustRun(t, "", binary, "--dir", i.dir, "check-config")
		if want := "lets us sign in as relayed by " + orElse(mechanism, "SCRAM-SHA-256"); !strings.Contains(said, want) {
			t.Errorf("check-config says %q, want %q in it", said, want)
		}
		i.stop()
		if log := i.stderr.String(); strings.Contains(log, relayPassword) {
			t.Errorf("the log shows the password:\n%s", log)
		}
	}

	i := serve(t, resolver, "")
	i.stop()
	wrong := write(t, filepath.Join(t.TempDir(), "password"), "not the password\n")
	for _, test := range []struct{ name, config, want string }{
		{"wrong password", with("mx.peer.test:25", wrong, ""), "does not let us sign in as relayed"},
		{"nothing listens", with("mx.peer.test:26", secret, ""), "cannot be reached: dial tcp " + peerAddress + ":26: connect: connection refused: check the host and the port"},
		{"another name", with("wrong.peer.test:25", secret, ""), "cannot be trusted"},
		{"no such host", with("none.peer.test:25", secret, ""), "cannot be found"},
		{"no such file", with("mx.peer.test:25", secret+"x", ""), "password cannot be read"},
		{"plain text", with("mx.peer.test:25", secret, "smarthost_tls = \"opportunistic\"\n"), "a password is only sent over TLS"},
		{"no mechanism", with("mx.peer.test:25", secret, "smarthost_mechanism = \"CRAM-MD5\"\n"), "outbound.smarthost_mechanism is \"CRAM-MD5\""},
	} {
		conf := write(t, filepath.Join(i.dir, "gomail.toml"), "[server]\nhostname = \"mail.example.test\"\n[dns]\nresolvers = [\""+resolver+"\"]\n[outbound]\n"+test.config)
		r := run(t, "", binary, "check-config", "--config", conf)
		if r.code != 1 || !strings.Contains(r.stderr, test.want) || strings.Contains(r.stderr+r.stdout, "not the password") {
			t.Errorf("%s: check-config exits %d: %s%s\nwant %q", test.name, r.code, r.stdout, r.stderr, test.want)
		}
		if d := run(t, "", binary, "--dir", i.dir, "doctor"); d.code != 1 || !strings.Contains(strings.Join(strings.Fields(d.stdout+d.stderr), " "), strings.Split(test.want, ": check")[0]) {
			t.Errorf("%s: doctor exits %d: %s%s\nwant %q", test.name, d.code, d.stdout, d.stderr, test.want)
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
