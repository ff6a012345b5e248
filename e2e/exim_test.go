package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// eximBinary is Debian's Exim, put beside Postfix by internal/packages.sh.
const eximBinary = "/usr/local/lib/gomail-tests/exim/usr/sbin/exim4"

const eximConf = `primary_hostname = mx.exim.test
spool_directory = %[1]s/spool
log_file_path = %[1]s/log/%%slog
daemon_smtp_ports = %[2]s
local_interfaces = 127.0.0.1
pid_file_path = %[1]s/pid
keep_environment =
deliver_drop_privilege = true
disable_ipv6 = true
queue_only_load = 1000
tls_advertise_hosts =
domainlist local_domains = example.test
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  accept hosts = 127.0.0.1
begin routers
mailboxes:
  driver = accept
  domains = +local_domains
  transport = gomail
bounces:
  driver = accept
  transport = kept
begin transports
gomail:
  driver = lmtp
  socket = %[3]s
  batch_max = 100
  timeout = 1m
kept:
  driver = appendfile
  directory = %[1]s/mail
  maildir_format
  create_directory = true
begin retry
* * F,2h,1m
`

// eximPeer is an Exim that hands mail for example.test to a socket and keeps
// all other as files.
type eximPeer struct {
	*process
	dir, address string
}

func startExim(t testing.TB, socket string) *eximPeer {
	t.Helper()
	return startEximWith(t, eximConf, socket, "")
}

// startEximWith runs Exim with a configuration in which its directory, port and
// the socket are filled in, and a certificate in tls.pem.
func startEximWith(t testing.TB, config, socket, certificate string) *eximPeer {
	t.Helper()
	needRoot(t, "Exim becomes its own user")
	need(t, eximBinary)
	dir, err := os.MkdirTemp("", "gomail-exim-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"spool", "log", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "tls.pem"), certificate)
	mustRun(t, "", "chown", "-R", "Debian-exim:", dir)
	os.Chmod(dir, 0o755)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free, most likely also in a moment
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	conf := write(t, filepath.Join(dir, "exim.conf"), strings.NewReplacer("%[1]s", dir, "%[2]s", port, "%[3]s", socket, "%%", "%").Replace(config))
	os.Chmod(conf, 0o644)
	e := &eximPeer{dir: dir, address: "127.0.0.1:" + port}
	// As root it would not take a configuration of ours.
	e.process = start(t, nil, "setpriv", "--reuid=Debian-exim", "--regid=Debian-exim", "--clear-groups", eximBinary, "-C", conf, "-bdf", "-q1m")
	eventually(t, "Exim to listen", func() bool {
		if !e.running() {
			t.Fatalf("Exim ended: %s%s\n%s", e.stdout.String(), e.stderr.String(), e.log())
		}
		c, err := net.Dial("tcp", e.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return e
}

func (e *eximPeer) log() string {
	main, _ := os.ReadFile(filepath.Join(e.dir, "log/mainlog"))
	panicked, _ := os.ReadFile(filepath.Join(e.dir, "log/paniclog"))
	return string(main) + string(panicked)
}
