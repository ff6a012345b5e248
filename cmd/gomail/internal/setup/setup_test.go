package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gomail/internal/config"
)

func TestWhatIsNoAnswer(t *testing.T) {
	for _, test := range []struct{ hostname, domain, admin, says string }{
		{"", "example.com", "admin@example.com", "the hostname is missing"},
		{"mail", "example.com", "admin@example.com", "not a full name"},
		{"203.0.113.1", "example.com", "admin@example.com", "is an address"},
		{"mail example.com", "example.com", "admin@example.com", "is no hostname"},
		{"-mail.example.com", "example.com", "admin@example.com", "is no hostname"},
		{"mail.example.com", "", "admin@example.com", "the domain is missing"},
		{"mail.example.com", "example", "admin@example", "is no domain"},
		{"mail.example.com", "mail.example.com", "admin@mail.example.com", "a name of its own"},
		{"mail.example.com", "example.com", "admin", "cannot be the administrator"},
		{"mail.example.com", "example.com", "admin@example.org", "write an address in the domain"},
	} {
		a := Answers{Hostname: test.hostname, Domain: test.domain, Admin: test.admin}
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want %q", test, err, test.says)
		}
	}
	a := Answers{Hostname: "Mail.Bücher.example.", Domain: "Bücher.example", Admin: "admin@bücher.example", ACMEEmail: "me@example.org"}
	if err := a.Check(); err != nil || a.Hostname != "mail.xn--bcher-kva.example" || a.Domain != "xn--bcher-kva.example" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestWhatFollowsFromTheHostname(t *testing.T) {
	a := Answers{Hostname: "mail.example.com"}
	a.FromHostname()
	if a.Domain != "example.com" || a.Admin != "admin@example.com" {
		t.Errorf("%+v", a)
	}
	a = Answers{Hostname: "example.com"} // whose parent is nobody's domain
	a.FromHostname()
	if a.Domain != "" || a.Admin != "" {
		t.Errorf("%+v", a)
	}
}

func TestParseAddresses(t *testing.T) {
	if all, err := ParseAddresses("203.0.113.1, 2001:db8::1"); err != nil || JoinAddresses(all) != "203.0.113.1, 2001:db8::1" {
		t.Error(all, err)
	}
	for _, bad := range []string{"203.0.113", "mail.example.com", "fe80::1%eth0"} {
		if _, err := ParseAddresses(bad); err == nil {
			t.Error(bad, "is an address")
		}
	}
}

// alone is an installation in one directory.
func alone(t *testing.T, dir string) *Installer {
	t.Helper()
	p, err := PlaceOf("", dir)
	if err != nil {
		t.Fatal(err)
	}
	return &Installer{Place: p, Answers: Answers{Hostname: "mail.example.com", Domain: "example.com", Admin: "admin@example.com"}}
}

func TestTheSecondTimeNothingIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gomail")
	first := alone(t, dir)
	if err := first.Prepare(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "gomail.toml")
	text, _ := os.ReadFile(path)
	text = append(text, "\n# a remark of mine\n"...)
	if err := os.WriteFile(path, text, 0o640); err != nil {
		t.Fatal(err)
	}
	second := alone(t, dir)
	second.Answers.Hostname = "other.example.com"
	if err := second.Prepare(); err != nil {
		t.Fatal(err)
	}
	for _, s := range second.Steps() {
		if s.Made {
			t.Errorf("made again: %s", s.What)
		}
	}
	if now, _ := os.ReadFile(path); string(now) != string(text) {
		t.Error("the configuration was changed")
	}
	if c, err := config.Load("", dir, nil); err != nil || c.Server.Hostname != "mail.example.com" || !c.Server.Confine {
		t.Errorf("%+v, %v", c.Server, err)
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := alone(t, file).Prepare(); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make a directory that belongs to another")
	}
	const somebody = 54321
	foreign := filepath.Join(dir, "foreign")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(foreign, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	if err := alone(t, foreign).Prepare(); err == nil || !strings.Contains(err.Error(), "belongs to user 54321") {
		t.Error(err)
	}
}

func TestConfigAndDirTogether(t *testing.T) {
	if _, err := PlaceOf("/etc/gomail/gomail.toml", t.TempDir()); err == nil {
		t.Error("both were taken")
	}
}

// The unit runs what setup says, and keeps what a package would.
func TestUnit(t *testing.T) {
	for _, want := range []string{"ExecStart=/usr/bin/gomail serve\n", "User=gomail\n", "ProtectSystem=strict\n", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n", "LoadCredential=secret.key:/etc/gomail/secret.key\n"} {
		if !strings.Contains(Unit, want) {
			t.Errorf("the unit lacks %q", want)
		}
	}
}
