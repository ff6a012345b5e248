package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// load reads text as the gomail.toml of a data directory.
func load(t *testing.T, text string, environ ...string) (Config, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gomail.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load("", dir, environ)
}

func TestFileAndEnvironment(t *testing.T) {
	c, err := load(t, `
[server]
hostname = "Mail.Example.com"
public_addresses = ["192.0.2.1", "2001:db8::1"]
extra_mx = [{host = "mx2.example.com", priority = 20}]
[smtp]
listen = ["127.0.0.1:2525"]
max_message_size = "10MiB"
[outbound]
lifetime = "48h"
[dns]
resolvers = ["127.0.0.1", "[::1]:5353"]
[log]
level = "debug"
`, "GOMAIL_IMAP_LISTEN=127.0.0.1:1143, [::1]:1143", "GOMAIL_SMTP_MAX_RECIPIENTS=7", "HOME=/x")
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"mail.example.com", 2, MX{"mx2.example.com", 20}, Size(10 << 20), 48 * time.Hour, []string{"[127.0.0.1]:53", "[::1]:5353"}, []string{"127.0.0.1:1143", "[::1]:1143"}, 7}
	got := []any{c.Server.Hostname, len(c.Server.PublicAddresses), c.Server.ExtraMX[0], c.SMTP.MaxMessageSize, c.Outbound.Lifetime, c.DNS.Resolvers, c.IMAP.Listen, c.SMTP.MaxRecipients}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if filepath.Base(c.Secrets.KeyFile) != "secret.key" || filepath.Dir(c.Secrets.KeyFile) != c.Server.DataDir {
		t.Errorf("the secret key is %s", c.Secrets.KeyFile)
	}
}

// A mistake is named with its line and its key.
func TestMistakesAreNamed(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"[smtp]\n\nlissten = []\n", "line 3: there is no key smtp.lissten; did you mean smtp.listen?"},
		{"[sntp]\nlisten = []\n", "there is no key sntp"},
		{"[smtp]\nmax_recipients = \"many\"\n", "line 2, key smtp.max_recipients"},
		{"[smtp]\nmax_message_size = \"big\"\n", "is no size"},
		{"[smtp\n", "line 2: expected"},
		{"[server]\nhostname = \"not a name\"\n", "server.hostname"},
		{"[tls]\nmode = \"none\"\n", "tls.mode is \"none\": it has to be one of acme, files, self-signed"},
		{"[tls]\nmode = \"acme\"\nacme_directory = \"http://ca.example\"\n", "tls.acme_directory"},
		{"[tls]\nmode = \"acme\"\nacme_email = \"nobody\"\n", "tls.acme_email"},
		{"[tls]\nmode = \"files\"\n", "tls.cert_file"},
		{"[web]\npublic_url = \"http://mail.test\"\n", "web.public_url is \"http://mail.test\": write https://"},
		{"[web]\npublic_url = \"https://mail.test/\"\n", "web.public_url"},
		{"[web]\npublic_url = \"https://mail.test/mail\"\n", "web.public_url"},
		{"[web]\npublic_url = \"https://anna@mail.test\"\n", "web.public_url"},
		{"[web]\npublic_url = \"https://:443\"\n", "web.public_url"},
		{"[oauth]\nissuer = \"https://id.test\"\n", "oauth.audience is not set"},
		{"[oauth]\nissuer = \"http://id.test\"\naudience = [\"mail\"]\n", "oauth.issuer: \"http://id.test\" has to begin with https://"},
		{"[oauth]\naudience = [\"mail\"]\n", "oauth.issuer is not set"},
		{"[oauth]\nissuer = \"https://id.test\"\naudience = [\"mail\"]\nkeys_url = \"keys\"\n", "oauth.keys_url: \"keys\" is not the URL"},
		{"[oauth]\nissuer = \"https://id.test\"\naudience = [\"mail\"]\nclaim = \"\"\n", "oauth.claim is empty"},
		{"[oauth]\nissuer = \"https://id.test\"\nintrospection_url = \"https://id.test/ask\"\nclient_id = \"mail\"\n", "oauth.introspection_url, client_id and client_secret_file belong together"},
		{"[oauth]\nissuer = \"https://id.test\"\naudience = [\"mail\"]\nclient_id = \"mail\"\n", "belong together"},
		{"[outbound]\nsmarthost = \"a b:587\"\n", "outbound.smarthost is \"a b:587\""},
		{"[outbound]\nsmarthost = \"relay.test:0\"\n", "outbound.smarthost is"},
		{"[outbound]\nsmarthost_username = \"us\"\n", "outbound.smarthost is not set"},
		{"[outbound]\nsmarthost = \"relay.test\"\nsmarthost_username = \"us\"\n", "belong together"},
		{"[outbound]\nsmarthost = \"relay.test\"\nsmarthost_tls = \"maybe\"\n", "outbound.smarthost_tls is \"maybe\": it has to be one of required, opportunistic"},
		{"[[outbound.smarthosts]]\nhost = \"relay.test\"\nsenders = [\"not a name\"]\n", "outbound.smarthosts, number 1: senders and destinations are domains"},
		{"[[outbound.smarthosts]]\nhost = \"relay.test:x\"\n", "outbound.smarthosts, number 1: host is \"relay.test:x\""},
		{"[[outbound.destinations]]\ndomains = [\"example.net\"]\ntls = \"yes\"\n", "outbound.destinations, number 1: tls is \"yes\": it has to be one of policy, opportunistic, require, verify, dane"},
		{"[[outbound.destinations]]\ndomains = [\"a b\"]\ntls = \"dane\"\n", "outbound.destinations, number 1: domains are domains"},
		{"[[outbound.smarthosts]]\nhosts = \"relay.test\"\n", "there is no key outbound.smarthosts.hosts"},
		{"[lmtp]\nlisten = [\":24\"]\n", "LMTP has no sign-in, so it is served on Unix sockets alone"},
		{"[lmtp]\nmode = \"rw\"\n", "lmtp.mode is \"rw\""},
		{"[lmtp]\nmode = \"4755\"\n", "lmtp.mode is \"4755\""},
		{"[lmtp]\nlisten = [\"/" + strings.Repeat("x", 107) + "\"]\n", "a Unix socket's may have 107"},
		{"[server]\npublic_addresses = [\"1.2.3\"]\n", "public_addresses"},
	} {
		if _, err := load(t, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q gives %v\nwant %q in it", test.text, err, test.want)
		}
	}
	if _, err := load(t, "", "GOMAIL_SMTP_LISTN=x"); err == nil || !strings.Contains(err.Error(), "did you mean GOMAIL_SMTP_LISTEN?") {
		t.Errorf("a wrong variable gives %v", err)
	}
	if _, err := Load("/nonexistent/gomail.toml", "", nil); err == nil {
		t.Error("a file that was named and is missing was passed over")
	}
}

func TestWriteThenLoad(t *testing.T) {
	dir := t.TempDir()
	want := Default()
	want.Server = Server{Hostname: "mail.example.com", DataDir: dir, PublicAddresses: []netip.Addr{netip.MustParseAddr("2001:db8::1")}, ExtraMX: []MX{{"mx2.example.com", 20}}}
	want.SMTP.Listen = []string{"127.0.0.1:2525"}
	want.Secrets.KeyFile, want.Store.BackupDir = filepath.Join(dir, "secret.key"), dir+"-backups"
	want.Log.Level = slog.LevelDebug
	want.Outbound.Smarthosts = []Smarthost{{Host: "mx", Destinations: []string{".example.org"}}, {Host: "relay.test:465", Senders: []string{"example.com"}}}
	if err := Write(filepath.Join(dir, "gomail.toml"), want); err != nil {
		t.Fatal(err)
	}
	got, err := Load("", dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func FuzzParseSize(f *testing.F) {
	f.Add("50MB")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s); err == nil && n < 0 {
			t.Errorf("%q is %d", s, n)
		}
	})
}
