package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	milter "github.com/emersion/go-milter"
)

// openDKIM runs Debian's OpenDKIM as a milter that signs for example.test and
// verifies, with a key of its own.
func openDKIM(t testing.TB) (socket string) {
	t.Helper()
	need(t, "/usr/sbin/opendkim")
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	private := write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	os.Chmod(private, 0o600)
	keys := write(t, filepath.Join(dir, "keys"), "od._domainkey.example.test v=DKIM1; k=rsa; p="+base64.StdEncoding.EncodeToString(public)+"\n")
	socket = filepath.Join(dir, "socket")
	conf := write(t, filepath.Join(dir, "opendkim.conf"), "Mode sv\nDomain example.test\nSelector od\nKeyFile "+private+"\nTestPublicKeys "+keys+
		"\nAuthservID milter.test\nCanonicalization relaxed/simple\nRequireSafeKeys no\nInternalHosts "+write(t, filepath.Join(dir, "internal"), "192.0.2.99\n")+"\n")
	p := start(t, nil, "/usr/sbin/opendkim", "-f", "-x", conf, "-p", "local:"+socket)
	eventually(t, "OpenDKIM to listen", func() bool {
		if !p.running() {
			t.Fatalf("OpenDKIM ended: %s%s", p.stdout.String(), p.stderr.String())
		}
		_, err := os.Stat(socket)
		return err == nil
	})
	return socket
}

// TestOpenDKIMAsMilter has OpenDKIM sign what is submitted and verify what
// comes in: what it sees of a message is the message.
func TestOpenDKIMAsMilter(t *testing.T) {
	socket := openDKIM(t)
	_, resolver := startDNS(t)
	i := serve(t, resolver, "[milter]\nincoming = [\"unix:"+socket+"\"]\nsubmission = [\"unix:"+socket+"\"]\n")
	large := strings.Repeat(strings.Repeat("y", 76)+"\r\n", 10_000)
	for name, text := range map[string]string{
		"plain": "From: " + i.anna.Address + "\r\nTo: " + i.anna.Address + "\r\nSubject: plain\r\n\r\n..a dot  \r\n\r\nx\r\n",
		"large": "From: Anna\r\n <" + i.anna.Address + ">\r\nTo:" + i.anna.Address + ",\r\n\tbert@far.test\r\nSubject: large\r\n\r\n" + large,
		"empty": "From: " + i.anna.Address + "\r\nSubject: empty\r\n\r\n",
	} {
		i.submit(i.anna.Address, text)
		var signed string
		eventually(t, name, func() bool {
			all := holding(i.mailbox("INBOX"), "Subject: "+name)
			if len(all) > 0 {
				signed = all[0]
			}
			return len(all) == 1
		})
		if strings.Count(signed, "DKIM-Signature:") != 3 || !strings.Contains(signed, "s=od;") {
			t.Errorf("%s: it should have our signatures and OpenDKIM's:\n%.1500s", name, signed)
		}
		c := dialSMTP(t, i.bound["smtp.listen"])
		c.ehlo()
		for _, sent := range []struct{ text, want string }{{signed, "dkim=pass"}, {strings.Replace(signed, "Subject: "+name, "Subject: changed "+name, 1), "dkim=fail"}} {
			if reply := c.message("joe@remote.test", i.anna.Address, "X-Way: "+sent.want+"\r\n"+stuffed(sent.text)); !strings.HasPrefix(reply, "250") {
				t.Fatal(reply)
			}
			var back string
			eventually(t, name+" to come back", func() bool {
				all := holding(i.mailbox("INBOX"), "X-Way: "+sent.want)
				for _, m := range all {
					if strings.Contains(m, name) {
						back = m
					}
				}
				return back != ""
			})
			result := strings.Join(strings.Fields(back), " ")
			_, result, _ = strings.Cut(result, "Authentication-Results: milter.test")
			result, _, _ = strings.Cut(result, "X-Way:")
			if !strings.Contains(result, sent.want) || !strings.Contains(result, "header.s=od") {
				t.Errorf("%s: OpenDKIM says %q, want %s", name, result, sent.want)
			}
		}
	}
}

// judgeMilter is a milter whose verdict the subject names.
type judgeMilter struct {
	milter.NoOpMilter
	subject string
}

func (j *judgeMilter) Header(name, value string, _ *milter.Modifier) (milter.Response, error) {
	if name == "Subject" {
		j.subject = strings.TrimSpace(value)
	}
	return milter.RespContinue, nil
}

func (j *judgeMilter) RcptTo(to string, _ *milter.Modifier) (milter.Response, error) {
	if strings.HasPrefix(to, "unwanted") {
		return milter.NewResponseStr('y', "550 5.7.1 not to this one"), nil
	}
	return milter.RespContinue, nil
}

func (j *judgeMilter) Body(m *milter.Modifier) (milter.Response, error) {
	switch j.subject {
	case "reject":
		return milter.NewResponseStr('y', "554 5.7.1 there is a virus in it"), nil
	case "later":
		return milter.RespTempFail, nil
	case "discard":
		return milter.RespDiscard, nil
	case "crash":
		return nil, errors.New("the milter breaks")
	case "aside":
		return milter.RespAccept, m.Quarantine("it looks odd")
	case "change":
		return milter.RespAccept, errors.Join(m.ChangeHeader(1, "Subject", "changed by the milter"), m.InsertHeader(0, "X-Milter", "was here"),
			m.ReplaceBody([]byte("another body\r\n")), m.DeleteRecipient("anna@example.test"), m.AddRecipient("bert@example.test"), m.AddRecipient("joe@remote.test"))
	}
	return milter.RespAccept, nil
}

// startJudge serves judgeMilter.
func startJudge(t testing.TB) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "judge")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &milter.Server{NewMilter: func() milter.Milter { return &judgeMilter{} }, Actions: milter.OptAddHeader | milter.OptChangeHeader | milter.OptChangeBody | milter.OptAddRcpt | milter.OptRemoveRcpt | milter.OptQuarantine}
	go s.Serve(l)
	stop = func() { l.Close() }
	t.Cleanup(stop)
	return socket, stop
}

// TestMilterVerdicts carries out every verdict on mail that comes in and mail
// that is submitted.
func TestMilterVerdicts(t *testing.T) {
	socket, stop := startJudge(t)
	_, resolver := startDNS(t, "remote.test. SERVFAIL") // so that mail for it waits
	i := serve(t, resolver, "[milter]\nincoming = [\"unix:"+socket+"\"]\nsubmission = [\"unix:"+socket+"\"]\n")
	gomail := func(args ...string) string {
		return mustRun(t, "a long password\n", binary, append([]string{"--dir", i.dir}, args...)...)
	}
	bert := account{"bert@example.test", "a long password"}
	gomail("account", "add", bert.Address, "--password-stdin")
	gomail("alias", "add", "unwanted@example.test", bert.Address)
	incoming := dialSMTP(t, i.bound["smtp.listen"])
	incoming.ehlo()
	submission := dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
	submission.ehlo()
	submission.want("235", "AUTH PLAIN %s", plain(i.anna))
	for way, c := range map[string]*smtpConn{"incoming": incoming, "submission": submission} {
		from := map[string]string{"incoming": "joe@remote.test", "submission": i.anna.Address}[way]
		text := func(subject string) string {
			return "From: " + from + "\r\nX-Way: " + way + "\r\nSubject: " + subject + "\r\n\r\nthe body\r\n"
		}
		c.want("250", "MAIL FROM:<%s>", from)
		if reply := c.cmd("RCPT TO:<unwanted@example.test>"); reply != "550 5.7.1 not to this one" {
			t.Errorf("%s: a recipient that the milter refuses: %s", way, reply)
		}
		c.want("554", "DATA")
		c.want("250", "RSET")
		for _, test := range []struct{ subject, want string }{
			{"reject", "550 5.7.1 there is a virus in it"}, {"later", "451 4.3.0 the message cannot be taken now, try again later"}, {"crash", "451 4.3.0 temporary failure, try again later"},
			{"discard", "250 "}, {"aside", "250 "}, {"change", "250 "}, {"as it is", "250 "},
		} {
			if reply := c.message(from, i.anna.Address, text(test.subject)); !strings.HasPrefix(reply, test.want) {
				t.Errorf("%s: %s is answered with %q, want %q", way, test.subject, reply, test.want)
			}
		}
		eventually(t, "the message as it is", func() bool {
			return len(holding(holding(i.mailbox("INBOX"), "X-Way: "+way+"\r\nSubject: as it is\r\n"), "\r\n\r\nthe body\r\n")) == 1
		})
		c2 := dialIMAP(t, i.bound["imap.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"), bert)
		eventually(t, "the message that the milter changed", func() bool {
			return len(holding(holding(messagesIn(t, c2, "INBOX"), "X-Way: "+way+"\r\nSubject: changed by the milter\r\n"), "\r\n\r\nanother body\r\n")) == 1
		})
		got := holding(messagesIn(t, c2, "INBOX"), "X-Way: "+way)[0]
		if !strings.Contains(got, "\r\nX-Milter: was here\r\nFrom: ") || way == "submission" && !strings.Contains(got, "DKIM-Signature: ") {
			t.Errorf("%s: bert has\n%s", way, got)
		}
		c2.Close()
		if all := holding(i.mailbox("INBOX"), "X-Way: "+way); len(all) != 1 {
			t.Errorf("%s: anna has %d messages: %q", way, len(all), all)
		}
	}
	if all := holding(i.mailbox("Junk"), "Subject: aside"); len(all) != 1 || !strings.Contains(all[0], "X-Way: incoming") {
		t.Errorf("put aside on the way in: %q", all)
	}
	queued := gomail("queue", "list", "--json")
	if strings.Count(queued, `"held"`) != 1 || !strings.Contains(queued, "put aside by a filter: it looks odd") || !strings.Contains(queued, "joe@remote.test") {
		t.Errorf("the queue: %s", queued)
	}
	if strings.Count(queued, "joe@remote.test") != 1 {
		t.Errorf("what came in was relayed to a recipient that a milter added: %s", queued)
	}

	stop()
	os.Remove(socket)
	if reply := incoming.cmd("MAIL FROM:<joe@remote.test>"); reply != "451 4.3.0 temporary failure, try again later" {
		t.Errorf("a milter that is away: %s", reply)
	}
	if r := run(t, "", binary, "--dir", i.dir, "doctor"); !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), "problem milter unix:"+socket+" it does not answer, and mail waits") {
		t.Errorf("doctor: %s", r.stdout)
	}
	i.stop()
	conf, err := os.ReadFile(filepath.Join(i.dir, "gomail.toml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(i.dir, "gomail.toml"), strings.Replace(string(conf), "[milter]\n", "[milter]\nunavailable = \"accept\"\n", 1))
	i.start(t)
	c := dialSMTP(t, i.bound["smtp.listen"])
	c.ehlo()
	if reply := c.message("joe@remote.test", i.anna.Address, "Subject: reject\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
		t.Errorf("a milter that is away and not needed: %s", reply)
	}
	for text, want := range map[string]string{
		"[milter]\nincoming = [\"/run/x\"]\n": "is not where a milter listens", "[milter]\nunavailable = \"reject\"\n": "milter.unavailable is \"reject\"", "[milter]\ntimeout = \"0s\"\n": "milter.timeout",
	} {
		file := write(t, filepath.Join(t.TempDir(), "gomail.toml"), "[server]\nhostname = \"mail.example.test\"\n"+text)
		if r := run(t, "", binary, "check-config", "--config", file); r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("%q: exit %d: %s", text, r.code, r.stderr)
		}
	}
}
