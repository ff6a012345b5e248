package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// freshDebian is a Debian with nothing in it but what is essential, where the
// package was installed.
type freshDebian struct {
	t    testing.TB
	root string
}

// newFreshDebian makes the package of the program under test and installs it.
func newFreshDebian(t testing.TB) *freshDebian {
	t.Helper()
	needRoot(t, "a Debian is made in a directory")
	need(t, "mmdebstrap", "setpriv", "chroot")
	dir := t.TempDir()
	deb := makePackage(t, dir)
	os.Chmod(dir, 0o755)
	d := &freshDebian{t: t, root: filepath.Join(dir, "debian")}
	release := mustRun(t, "", "sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME")
	mustRun(t, "", "mmdebstrap", "--quiet", "--variant=minbase", strings.TrimSpace(release), d.root)
	mustRun(t, "", "cp", deb, filepath.Join(d.root, "gomail.deb"))
	d.must("", "dpkg", "-i", "/gomail.deb")
	return d
}

// makePackage makes the Debian package as a release does.
func makePackage(t testing.TB, dir string) (path string) {
	t.Helper()
	nfpm := filepath.Join(dir, "nfpm")
	mustRun(t, "", "go", "build", "-C", "../packaging", "-o", nfpm, "github.com/goreleaser/nfpm/v2/cmd/nfpm")
	parts := filepath.Join(dir, "parts")
	mustRun(t, "", binary, "manual", parts)
	mustRun(t, "", "sh", "-c", "gzip -9n "+parts+"/man/*")
	mustRun(t, "", "cp", binary, filepath.Join(parts, "gomail"))
	path = filepath.Join(dir, "gomail.deb")
	arch := strings.TrimSpace(mustRun(t, "", "dpkg", "--print-architecture"))
	mustRun(t, "", "env", "-C", "..", "ARCH="+arch, "VERSION=0.1.0", "OUT="+parts, nfpm, "package", "--config", "packaging/nfpm.yaml", "--packager", "deb", "--target", path)
	return path
}

// must runs a command in it that has to succeed.
func (d *freshDebian) must(stdin, name string, args ...string) string {
	d.t.Helper()
	return mustRun(d.t, stdin, "chroot", append([]string{d.root, name}, args...)...)
}

// serve starts the service as its unit does, there being no systemd.
func (d *freshDebian) serve() *process {
	return start(d.t, nil, "chroot", d.root, "setpriv", "--reuid=gomail", "--regid=gomail", "--init-groups", "--no-new-privs",
		"--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service", "--bounding-set=-all,+net_bind_service", "/usr/bin/gomail", "serve")
}

// A stranger with a fresh Debian, a domain and a DNS that takes updates: the
// package, the questions, the records, a certificate, mail in both directions,
// and a mail program that finds its settings.
func TestInstalledByAStranger(t *testing.T) {
	d := newFreshDebian(t)
	world := startInternet(t, 1)
	zones := world.provider(provider1, hosted{name: "example.test.", signed: true},
		hosted{name: "peer.test.", lines: "@ MX 10 mx\nmx A " + peerAddress + "\n@ TXT \"v=spf1 ip4:" + peerAddress + " -all\"\n_dmarc TXT \"v=DMARC1; p=reject\""})
	world.registry.update("127.in-addr.arpa.", "add 1.70.0.127.in-addr.arpa. 60 PTR mail.example.test.", "add 2.70.0.127.in-addr.arpa. 60 PTR mx.peer.test.")
	peer := startPostfixPeer(t)
	directory, caFile := authorityFor(t, 80, 443, world.resolver)
	mustRun(t, "", "install", "-D", "-m", "644", caFile, filepath.Join(d.root, "etc/gomail-test-ca.pem"))

	// The questions, as the guide's example answers them.
	said := d.setUp("mail.example.test\n\n\n"+ourAddress+"\n\ny\n", "--set", "tls.acme_directory="+directory, "--set", "tls.acme_ca_file=/etc/gomail-test-ca.pem",
		"--set", "dns.resolvers="+world.resolver, "--set", "dns.block_lists=", "--set", "dns.reach_hosts=mx.peer.test",
		"--set", "outbound.allow_private_networks=true", "--set", "outbound.bind_addresses="+ourAddress)
	password := regexp.MustCompile(`password (\w{20,})`).FindStringSubmatch(said)
	for _, want := range []string{"administrator admin@example.test", "mail._domainkey.example.test", "systemctl enable --now gomail"} {
		if !strings.Contains(said, want) || password == nil {
			t.Fatalf("set-up does not say %q:\n%s", want, said)
		}
	}
	for path, want := range map[string]string{"etc/gomail/gomail.toml": "640 root gomail", "etc/gomail/secret.key": "600 gomail gomail", "var/lib/gomail": "700 gomail gomail", "var/lib/gomail/gomail.db": "600 gomail gomail"} {
		if got := strings.TrimSpace(d.must("", "stat", "-c", "%a %U %G", "/"+path)); got != want {
			t.Errorf("%s is %s, not %s", path, got, want)
		}
	}

	service := d.serve()
	eventually(t, "the server to be ready", func() bool {
		if !service.running() {
			t.Fatalf("it ended with %d:\n%s", service.code, service.stderr.String())
		}
		return strings.Contains(service.stderr.String(), "msg=ready")
	})
	d.must("", "gomail", "domain", "set", "example.test", "--ca", "ca.test") // as the authority is called
	script := d.must("", "gomail", "dns", "plan", "example.test", "--nsupdate")
	mustRun(t, "server "+zones.address+"\n"+script, "nsupdate", "-y", updateKey)
	world.forget()
	eventually(t, "the domain to be ready", func() bool {
		return run(t, "", "chroot", d.root, "gomail", "dns", "check", "example.test").code == 0
	})
	t.Cleanup(func() {
		if t.Failed() {
			list, err := exec.Command("chroot", d.root, "gomail", "cert", "list").CombinedOutput()
			t.Logf("%s %v\n%s", list, err, regexp.MustCompile(`(?m)^.*TLS handshake failed.*\n`).ReplaceAllString(service.stderr.String(), ""))
		}
	})
	eventually(t, "a certificate", func() bool { return shows(ourAddress+":993", trust(t, caFile, "mail.example.test")) != nil })
	d.must("", "gomail", "cert", "renew", "autoconfig.example.test")
	eventually(t, "a certificate for autoconfig", func() bool {
		return shows(ourAddress+":443", trust(t, caFile, "autoconfig.example.test")) != nil
	})

	d.mailBothWays(peer, caFile, password[1])
	if text := fetch(t, caFile, "autoconfig.example.test", "/mail/config-v1.1.xml?emailaddress=admin%40example.test"); !strings.Contains(text, "<hostname>mail.example.test</hostname>") {
		t.Errorf("Thunderbird gets %s", text)
	}
	d.runsOn(service)
}

// setUp runs gomail setup with answers.
func (d *freshDebian) setUp(answers string, flags ...string) string {
	for _, l := range []struct{ key, port string }{
		{"smtp.listen", "25"}, {"submission.listen", "587"}, {"submission.tls_listen", "465"}, {"imap.listen", "143"}, {"imap.tls_listen", "993"}, {"web.listen", "443"}, {"web.http_listen", "80"},
	} {
		flags = append(flags, "--set", l.key+"="+ourAddress+":"+l.port)
	}
	return d.must(answers, "gomail", append([]string{"setup"}, flags...)...)
}

// shows returns the certificate that a port shows, nil when it is not trusted.
func shows(address string, config *tls.Config) *x509.Certificate {
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// fetch gets a page of a host at our address.
func fetch(t testing.TB, caFile, host, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust(t, caFile, host), DisableKeepAlives: true}}
	request, err := http.NewRequest(http.MethodGet, "https://"+ourAddress+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return string(text)
}

// mailBothWays sends to Postfix, signed in, and through Postfix to us.
func (d *freshDebian) mailBothWays(peer *postfixPeer, caFile, password string) {
	t := d.t
	t.Helper()
	c := dialSMTPS(t, ourAddress+":465", trust(t, caFile, "mail.example.test"))
	c.ehlo()
	c.want("235", "AUTH PLAIN %s", plain(account{Address: "admin@example.test", Password: password}))
	if reply := c.message("admin@example.test", "bob@peer.test", "From: admin@example.test\r\nTo: bob@peer.test\r\nSubject: from the stranger\r\n\r\nHello.\r\n"); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	if m := peer.received("Subject: from the stranger"); !strings.Contains(m, "DKIM-Signature:") {
		t.Errorf("it is not signed:\n%s", m)
	}
	mustRun(t, "", "swaks", "--server", peerAddress, "--from", "bob@peer.test", "--to", "admin@example.test", "--header", "Subject: to the stranger", "--silent", "2")
	eventually(t, "the answer in INBOX", func() bool {
		out := run(t, "", "curl", "-s", "--cacert", caFile, "--resolve", "mail.example.test:993:"+ourAddress, "-u", "admin@example.test:"+password, "imaps://mail.example.test/INBOX?SUBJECT%20stranger")
		return regexp.MustCompile(`SEARCH \d`).MatchString(out.stdout)
	})
}

// runsOn does what years bring: commands of root leave nothing behind that the
// service cannot write, a second set-up changes nothing, and it starts again.
func (d *freshDebian) runsOn(service *process) {
	t := d.t
	t.Helper()
	service.stop()
	d.must("", "gomail", "check")
	d.must("", "gomail", "account", "add", "anna@example.test")
	var again struct{ Steps []struct{ Made bool } }
	if err := json.Unmarshal([]byte(d.must("", "gomail", "setup", "--yes", "--json", "--no-start")), &again); err != nil || len(again.Steps) < 6 {
		t.Error(again, err)
	}
	for _, s := range again.Steps {
		if s.Made {
			t.Errorf("made again: %+v", again.Steps)
		}
	}
	if out := d.must("", "sh", "-c", "find /var/lib/gomail ! -user gomail"); out != "" {
		t.Errorf("not the service's own: %s", out)
	}
	if r := run(t, "", "chroot", d.root, "gomail", "serve"); r.code == 0 || !strings.Contains(r.stderr, "belongs to another user") {
		t.Errorf("root serves: %d %s", r.code, r.stderr)
	}
	service = d.serve()
	eventually(t, "the server to be ready again", func() bool {
		return !service.running() || strings.Contains(service.stderr.String(), "msg=ready")
	})
	d.must("", "gomail", "backup", "/var/backups/gomail")
	service.signal(syscall.SIGTERM)
	service.wait()
}
