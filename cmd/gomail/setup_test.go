package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gomail/internal/config"
)

// setUp runs gomail setup on a directory, with nothing asked of the outside.
func setUp(t *testing.T, dir, stdin string, args ...string) (installed, string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	all := append([]string{"setup", "--dir", dir, "--no-start"}, args...)
	environ := []string{"GOMAIL_DNS_RESOLVERS=127.0.0.1:1", "GOMAIL_DNS_BLOCK_LISTS=", "GOMAIL_DNS_REACH_HOSTS="}
	code := run(t.Context(), all, strings.NewReader(stdin), &out, &errs, environ)
	var done installed
	if strings.HasPrefix(out.String(), "{") {
		if err := json.Unmarshal(out.Bytes(), &done); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	return done, out.String() + errs.String(), code
}

var quick = []string{"--set", "dns.resolvers=127.0.0.1:1", "--set", "dns.block_lists=", "--set", "dns.reach_hosts=", "--self-signed"}

func TestSetUpAndAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	first, text, code := setUp(t, dir, "", append(quick, "--yes", "--json", "--hostname", "mail.example.com", "--address", "192.0.2.1")...)
	if code != exitOK || first.Admin != "admin@example.com" || first.Password == "" || len(first.Records) < 8 || len(first.Next) < 4 {
		t.Fatalf("%d: %+v\n%s", code, first, text)
	}
	if c, err := config.Load("", dir, nil); err != nil || c.TLS.Mode != "self-signed" {
		t.Error(c.TLS, err)
	}
	again, text, code := setUp(t, dir, "", "--yes", "--json")
	if code != exitOK || again.Password != "" {
		t.Fatalf("%d: %s", code, text)
	}
	for _, s := range again.Steps {
		if s.Made {
			t.Errorf("made again: %s", s.What)
		}
	}
	for _, bad := range []struct {
		args []string
		says string
	}{
		{[]string{"--hostname", "other.example.com"}, "has the hostname mail.example.com already"},
		{[]string{"--set", "server.hostname=other.example.com"}, "does not change server.hostname"},
		{[]string{"--set", "smtp.lisen=:2525"}, "did you mean smtp.listen"},
	} {
		if _, text, code := setUp(t, dir, "", append(bad.args, "--yes")...); code != exitFalse || !strings.Contains(text, bad.says) {
			t.Errorf("%v: %d %s", bad.args, code, text)
		}
	}
}

// A key that is set by running setup again is written into the configuration
// that is there, once, and the rest of it stays.
func TestSetUpAgainSetsKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	if _, text, code := setUp(t, dir, "", append(quick, "--yes", "--hostname", "mail.example.com", "--address", "192.0.2.1")...); code != exitOK {
		t.Fatal(text)
	}
	path := filepath.Join(dir, "gomail.toml")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range []bool{true, false} {
		done, text, code := setUp(t, dir, "", "--yes", "--json", "--set", "smtp.listen=127.0.0.1:2525", "--set", "log.level=debug")
		if code != exitOK {
			t.Fatal(text)
		}
		found := false
		for _, s := range done.Steps {
			found = found || s.What == "configuration "+path+": log.level, smtp.listen" && s.Made
		}
		if found != made || strings.HasPrefix(done.Next[0], "If the server runs, start it anew") != made {
			t.Errorf("made: %v, %+v, %q", made, done.Steps, done.Next)
		}
	}
	after, err := os.ReadFile(path)
	c, loadErr := config.Load("", dir, nil)
	if err != nil || loadErr != nil || c.SMTP.Listen[0] != "127.0.0.1:2525" || c.Server.Hostname != "mail.example.com" {
		t.Errorf("%+v %v %v", c.SMTP, err, loadErr)
	}
	if b, a := strings.Split(string(before), "\n"), strings.Split(string(after), "\n"); len(a) != len(b) {
		t.Errorf("%d lines became %d", len(b), len(a))
	}
}

// A set-up that was cut short after any step is finished by running it again.
func TestHalfASetUp(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if _, text, code := setUp(t, whole, "", append(quick, "--yes", "--hostname", "mail.example.com")...); code != exitOK {
		t.Fatal(text)
	}
	toml, err := os.ReadFile(filepath.Join(whole, "gomail.toml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "half")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gomail.toml"), toml, 0o640); err != nil {
		t.Fatal(err)
	}
	done, text, code := setUp(t, dir, "", "--yes", "--json")
	if code != exitOK || done.Password == "" || done.Hostname != "mail.example.com" {
		t.Fatalf("%d: %s", code, text)
	}
	// Without the key that sealed its secrets, a store is not touched.
	if err := os.Remove(filepath.Join(dir, "secret.key")); err != nil {
		t.Fatal(err)
	}
	if _, text, code := setUp(t, dir, "", "--yes"); code != exitFalse || !strings.Contains(text, "secret") {
		t.Errorf("%d: %s", code, text)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret.key"), []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, text, code := setUp(t, dir, "", "--yes"); code != exitFalse || !strings.Contains(text, "is not the one that sealed this data") {
		t.Errorf("%d: %s", code, text)
	}
}

func TestSetUpAsks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	answers := "mail\nmail.example.com\n\nboss@example.com\n192.0.2.1\n-\ny\n"
	_, text, code := setUp(t, dir, answers, quick[:6]...)
	for _, want := range []string{"is not a full name", "[example.com]", "[admin@example.com]", "administrator boss@example.com", "It is not shown again", "192.0.2.1", "mail._domainkey.example.com"} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("%d: there is no %q in\n%s", code, want, text)
		}
	}
	dir = filepath.Join(t.TempDir(), "not")
	for _, short := range []string{"", "mail.example.com\n\n\n", "mail.example.com\n\n\n192.0.2.1\n-\nn\n"} {
		_, text, code := setUp(t, dir, short, quick[:6]...)
		if _, err := os.Stat(dir); code != exitFalse || !os.IsNotExist(err) || !strings.Contains(text, "nothing was changed") {
			t.Errorf("%q: %d %v %s", short, code, err, text)
		}
	}
}

// A confined process reads its own files, and neither others nor new ports.
func TestConfine(t *testing.T) {
	if dir := os.Getenv("GOMAIL_TEST_CONFINED"); dir != "" {
		beConfined(t, dir)
		return
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gomail.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"-outside", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=TestConfine$", "-test.v")
	c.Env = append(os.Environ(), "GOMAIL_TEST_CONFINED="+dir)
	out, err := c.CombinedOutput()
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip("this kernel has no Landlock")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func beConfined(t *testing.T, dir string) {
	outside := dir + "-outside"
	c := config.Default()
	c.Server.DataDir, c.Server.Confine, c.Store.BackupDir, c.Secrets.KeyFile = dir, true, dir+"-backups", filepath.Join(dir, "secret.key")
	s := &server{services: &services{config: c}}
	if err := s.confine(filepath.Join(dir, "gomail.toml")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(outside); err == nil {
		if status, _ := os.ReadFile("/proc/self/status"); !strings.Contains(string(status), "NoNewPrivs:\t1") {
			t.Skip("no Landlock")
		}
		t.Error("a file outside can be read")
	}
	if _, err := os.ReadFile("/etc/passwd"); err == nil {
		t.Error("/etc/passwd can be read")
	}
	if err := os.WriteFile(filepath.Join(dir, "inside"), []byte("x"), 0o600); err != nil {
		t.Error("its own files:", err)
	}
	if err := os.WriteFile("/tmp/gomail-outside", nil, 0o600); err == nil {
		t.Error("a file outside can be written")
	}
	for _, path := range []string{"/etc/resolv.conf", "/proc/self/status"} {
		if _, err := os.ReadFile(path); err != nil && !os.IsNotExist(err) {
			t.Error(path, err)
		}
	}
	plain := new(net.ListenConfig)
	plain.SetMultipathTCP(false) // which Landlock does not cover
	if l, err := plain.Listen(t.Context(), "tcp", "127.0.0.1:40025"); err == nil {
		l.Close()
		t.Error("a port can be taken")
	}
}

// A data directory that was named from where one stands means the same place.
func TestBackupsOfARelativePlace(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Server.DataDir, c.Server.Confine, c.Store.BackupDir = "mail", true, "mail-backups"
	if err := mayBackUpTo(c, filepath.Join(here, "mail-backups", "today")); err != nil {
		t.Error(err)
	}
	if err := mayBackUpTo(c, filepath.Join(here, "elsewhere")); err == nil {
		t.Error("a place outside is allowed")
	}
}
