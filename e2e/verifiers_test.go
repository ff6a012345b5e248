package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// judges are the verifiers that are not ours, with the keys of a domain.
type judges struct {
	zone string // name → TXT, as JSON: for dkimpy
	conf string // for OpenDKIM
}

// newJudges gives the verifiers the keys that the plan of a domain publishes.
func newJudges(t testing.TB, plan result) *judges {
	t.Helper()
	need(t, "/usr/bin/python3", "/usr/sbin/opendkim")
	zone, keys := map[string]string{}, ""
	for _, r := range decode[[]struct{ Name, Type, Value string }](t, plan) {
		if r.Type == "TXT" && strings.Contains(r.Name, "._domainkey.") {
			zone[r.Name] = r.Value
			keys += r.Name + " " + r.Value + "\n"
		}
	}
	if len(zone) != 2 {
		t.Fatalf("the plan publishes %d keys, want Ed25519 and RSA", len(zone))
	}
	text, err := json.Marshal(zone)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "keys"), keys)
	return &judges{string(text), write(t, filepath.Join(dir, "opendkim.conf"), "Mode v\nTestPublicKeys "+file+"\n")}
}

// verify has both judges examine a message: each of its two signatures has to
// hold.
func (j *judges) verify(t testing.TB, message string) {
	t.Helper()
	dkimpy := run(t, message, "/usr/bin/python3", "testdata/verify.py", j.zone)
	if dkimpy.code != 0 || dkimpy.stdout != "mail pass\nmail-rsa pass\n" {
		t.Errorf("dkimpy: exit %d: %s%s", dkimpy.code, dkimpy.stdout, dkimpy.stderr)
	}
	file := write(t, filepath.Join(t.TempDir(), "message"), message)
	opendkim := run(t, "", "/usr/sbin/opendkim", "-x", j.conf, "-vv", "-t", file)
	if said := opendkim.stdout + opendkim.stderr; opendkim.code != 0 || strings.Count(said, "dkim=pass") != 2 {
		t.Errorf("OpenDKIM: exit %d: %s", opendkim.code, said)
	}
}

// outgoing are messages as programs send them, odd ones too. Each is a header
// to which a Subject with its name is added, an empty line and a body.
var outgoing = map[string]string{
	"plain":          "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\nhello\r\n",
	"folded":         "From: Anna\r\n\t<anna@gomail.test>\r\nTo: joe@remote.test," + strings.Repeat("\r\n  somebody <somebody@remote.test>,", 100) + "\r\n\tlast@remote.test\r\n\r\nx\r\n",
	"spaces":         "From:anna@gomail.test   \r\nTo:  joe@remote.test\t \r\nX-Spaces:  a \t b\r\n \t c  \r\n\r\na \t b \r\n\t\r\n  \r\nend\t\r\n",
	"eight bits":     "From: anna@gomail.test\r\nTo: joe@remote.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xfc\xdfe\r\n",
	"UTF-8 fields":   "From: \xc3\x84nna <anna@gomail.test>\r\nTo: J\xc3\xb6 <joe@remote.test>\r\nX-Note: \xe2\x82\xac\r\n\r\n\xe2\x82\xac\r\n",
	"encoded words":  "From: =?utf-8?q?=C3=84nna?= <anna@gomail.test>\r\nTo: =?utf-8?b?SsO2?= <joe@remote.test>\r\n\r\nx\r\n",
	"trailing lines": "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\nx\r\n\r\n\r\n\r\n",
	"only lines":     "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\n\r\n\r\n",
	"no body":        "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\n",
	"no empty line":  "From: anna@gomail.test\r\nTo: joe@remote.test\r\n",
	"dots":           "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\n.\r\n..\r\n.x\r\n...\r\n.\r\n",
	"large":          "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\n" + strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz\r\n", 2<<20/38),
	"long lines":     "From: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\n" + strings.Repeat(strings.Repeat("y", 998)+"\r\n", 3),
	"multipart": "From: anna@gomail.test\r\nTo: joe@remote.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_b\"\r\n\r\npreamble\r\n" +
		"--=_b\r\nContent-Type: text/plain\r\n\r\npart\r\n--=_b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--=_b--\r\nepilogue\r\n",
	"signed already": "DKIM-Signature: v=1; a=rsa-sha256; d=gomail.test; s=mail; h=From; bh=AAAA; b=AAAA\r\nFrom: anna@gomail.test\r\nTo: joe@remote.test\r\n\r\nx\r\n",
	"twice":          "Comments: a\r\nComments: b\r\nFrom: anna@gomail.test\r\nTo: joe@remote.test\r\nReply-To: a@remote.test\r\nComments: c\r\nKeywords: k\r\nKeywords: l\r\n\r\nx\r\n",
	"dated":          "From: anna@gomail.test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@gomail.test>\r\nTo: joe@remote.test\r\n\r\nx\r\n",
	"blind copy":     "From: anna@gomail.test\r\nBcc: secret@remote.test,\r\n another@remote.test\r\nTo: joe@remote.test\r\nbcc: third@remote.test\r\n\r\nx\r\n",
}

// TestOthersVerifyOurSignatures sends every kind of message to the remote
// server and has dkimpy and OpenDKIM judge what arrived there.
func TestOthersVerifyOurSignatures(t *testing.T) {
	d := startDemo(t)
	judges := newJudges(t, d.gomail("dns", "plan", d.Domain, "--json"))
	c := d.submission(d.anna())
	for name, text := range outgoing {
		c.want("250", "MAIL FROM:<%s> BODY=8BITMIME SMTPUTF8", d.anna().Address)
		c.want("250", "RCPT TO:<joe@remote.test>")
		c.want("354", "DATA")
		c.send(stuffed("Subject: it is "+name+";\r\n"+text) + ".\r\n")
		if reply := c.reply(); !strings.HasPrefix(reply, "250") {
			t.Errorf("%s: %s", name, reply)
		}
	}
	for name, sent := range outgoing {
		t.Run(name, func(t *testing.T) {
			_, got := d.remoteMessage("Subject: it is " + name + ";")
			judges.verify(t, got)
			checkRepaired(t, got)
			if _, body, _ := strings.Cut(sent, "\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\n"+body) {
				t.Errorf("the body changed on its way: %.200q", got[max(0, len(got)-200):])
			}
		})
	}
}

// stuffed doubles the dots that begin lines, RFC 5321 section 4.5.2.
func stuffed(text string) string { return strings.ReplaceAll(text, "\r\n.", "\r\n..") }

// checkRepaired demands of a message that left what RFC 5322 demands of every
// message, and that it keeps blind copies secret.
func checkRepaired(t *testing.T, message string) {
	t.Helper()
	header, _, _ := strings.Cut(message, "\r\n\r\n")
	header = "\r\n" + strings.ToLower(header)
	for _, field := range []string{"date", "message-id", "from", "subject"} {
		if n := strings.Count(header, "\r\n"+field+":"); n != 1 {
			t.Errorf("it has %d fields %s", n, field)
		}
	}
	for _, secret := range []string{"\r\nbcc", "secret@", "another@", "third@"} {
		if strings.Contains(header, secret) {
			t.Errorf("the header shows %q:\n%s", secret, header)
		}
	}
}
