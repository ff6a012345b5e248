// Package doctor looks at everything that a healthy installation needs and
// says of each what it found and how to mend it. It changes nothing.
package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gomail/dnsplan"
	"gomail/internal/config"
	"gomail/ladder"
	"gomail/web/api"
)

// State is how a finding is to be taken.
type State string

// The states.
const (
	OK      State = "ok"
	Warning State = "warning"
	Problem State = "problem"
	Unknown State = "unknown" // it could not be determined
)

// Finding is the outcome of one check.
type Finding struct {
	Check string `json:"check"` // what was looked at: "port smtp.listen :25"
	State State  `json:"state"`
	Found string `json:"found"` // what is so
	Mend  string `json:"mend"`  // what to do about it, empty when nothing is to be done
	Topic string `json:"topic"` // the troubleshooting guide's heading; empty: none, or it is ok
}

// Resolver is what the doctor asks of the DNS.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Patient is what is examined.
type Patient struct {
	Config   config.Config
	Resolver Resolver
	Running  bool                        // a server runs on the data directory
	Admins   int                         // accounts that may administer
	Plans    map[string][]dnsplan.Record // of each hosted domain
	Reports  map[string]dnsplan.Report   // the last look at each one's DNS, where there was one
	Cert     *tls.Certificate            // what the TLS listeners show; nil: it could not be read
	CertErr  error                       // why
	Clock    func() time.Time

	TimeServer   string            // "host:port", asked before an installation; empty: pool.ntp.org
	Certificates []api.Certificate // that are ordered, where tls.mode is acme

	Bounces []api.BounceTotal             // what became of the mail of 24 hours
	Sending map[string]api.AccountSending // of the accounts that sent, by address
	Ladders map[string][]ladder.Ladder    // of each hosted domain
	Keys    map[string][]api.Key          // DKIM keys of each
}

// Examine makes all checks. Each is bounded in time.
func Examine(ctx context.Context, p Patient) []Finding {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	findings := []Finding{p.hostname()}
	findings = append(findings, p.ports()...)
	findings = append(findings, p.resolver(ctx), p.addresses(ctx), p.disk(), p.clock())
	findings = append(findings, p.certificates()...)
	findings = append(findings, p.acmeEmail(ctx)...)
	findings = append(findings, p.secretKey(), p.administrator())
	findings = append(findings, p.domains(ctx)...)
	return Topical(slices.Concat(findings, p.troubles(), p.selectors(), p.ladders(), p.sending()))
}

func finding(check string, state State, found, mend string) Finding {
	return Finding{Check: check, State: state, Found: found, Mend: mend}
}

func ok(check, found string) Finding { return Finding{Check: check, State: OK, Found: found} }

func (p Patient) hostname() Finding {
	if p.Config.Server.Hostname == "" {
		return finding("hostname", Problem, "server.hostname is not set", "Write the mail host's full name, such as mail.example.com, into gomail.toml.")
	}
	return ok("hostname", p.Config.Server.Hostname)
}

// ports looks whether each listening address answers, or could be taken.
func (p Patient) ports() []Finding {
	c := p.Config
	var findings []Finding
	for _, l := range []struct {
		key       string
		addresses []string
	}{
		{"smtp.listen", c.SMTP.Listen}, {"submission.listen", c.Submission.Listen}, {"submission.tls_listen", c.Submission.TLSListen},
		{"imap.listen", c.IMAP.Listen}, {"imap.tls_listen", c.IMAP.TLSListen}, {"pop3.listen", c.POP3.Listen}, {"pop3.tls_listen", c.POP3.TLSListen},
		{"web.listen", c.Web.Listen}, {"web.http_listen", c.Web.HTTPListen},
	} {
		for _, address := range l.addresses {
			findings = append(findings, p.port(l.key, address))
		}
	}
	for _, path := range c.LMTP.Listen {
		findings = append(findings, p.socket(path))
	}
	return findings
}

// socket looks whether the LMTP socket is there while the server runs.
func (p Patient) socket(path string) Finding {
	check := "socket lmtp.listen " + path
	conn, err := net.DialTimeout("unix", path, 3*time.Second)
	switch {
	case err == nil:
		conn.Close()
		return ok(check, "answers")
	case p.Running:
		return finding(check, Problem, "nothing answers: "+cause(err), "Look into the server's log for why it does not listen there.")
	}
	return ok(check, "free")
}

func (p Patient) port(key, address string) Finding {
	check := "port " + key + " " + address
	if p.Running {
		conn, err := net.DialTimeout("tcp", dialable(address), 3*time.Second)
		if err != nil {
			return finding(check, Problem, "nothing answers: "+cause(err), "Look into the server's log for why it does not listen there.")
		}
		conn.Close()
		return ok(check, "answers")
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return finding(check, Problem, "it cannot be taken: "+cause(err), "Stop the program that holds it (ss -ltnp shows which), or give GoMail the right to low ports.")
	}
	l.Close()
	return ok(check, "free")
}

// dialable turns a listening address into one to connect to.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

// cause is an error without the addresses that the finding has named already.
func cause(err error) string {
	var e *net.OpError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

func (p Patient) resolver(ctx context.Context) Finding {
	const check = "resolver"
	_, err := p.Resolver.LookupMX(ctx, "invalid.invalid")
	var e *net.DNSError
	if err == nil || errors.As(err, &e) && e.IsNotFound {
		return ok(check, "answers")
	}
	return finding(check, Problem, "no answer: "+err.Error(), "Set dns.resolvers to a resolver that works, or mend /etc/resolv.conf. Mail cannot be sent or checked without DNS.")
}

// addresses looks whether the hostname leads to the public addresses and
// back.
func (p Patient) addresses(ctx context.Context) Finding {
	const check = "addresses"
	s := p.Config.Server
	switch {
	case s.Hostname == "":
		return finding(check, Unknown, "there is no hostname to look up", "")
	case len(s.PublicAddresses) == 0:
		return finding(check, Warning, "server.public_addresses is not set", "Write the addresses by which the world reaches this server into gomail.toml: the A, AAAA and PTR records are made from them.")
	}
	for _, a := range s.PublicAddresses {
		names, err := p.Resolver.LookupAddr(ctx, a.String())
		if err != nil {
			return finding(check, Warning, fmt.Sprintf("%s has no name in the DNS (PTR)", a), fmt.Sprintf("Ask your hosting provider to set the PTR record of %s to %s: many servers refuse mail without it.", a, s.Hostname))
		}
		if len(names) == 0 || !strings.EqualFold(strings.TrimSuffix(names[0], "."), s.Hostname) {
			return finding(check, Warning, fmt.Sprintf("%s is called %s in the DNS", a, strings.Join(names, ", ")), fmt.Sprintf("Ask your hosting provider to set its PTR record to %s.", s.Hostname))
		}
	}
	return ok(check, "the PTR records name "+s.Hostname)
}

// lowSpace is below how much free disk a warning is given.
const lowSpace = 1 << 30

func (p Patient) disk() Finding {
	const check = "disk"
	var fs unix.Statfs_t
	if err := unix.Statfs(p.Config.Server.DataDir, &fs); err != nil {
		return finding(check, Problem, "the data directory cannot be read: "+err.Error(), "Make "+p.Config.Server.DataDir+" readable for the user that runs GoMail.")
	}
	free := int64(fs.Bavail) * int64(fs.Bsize)
	found := fmt.Sprintf("%.1f GB free in %s", float64(free)/1e9, p.Config.Server.DataDir)
	if free < lowSpace {
		return finding(check, Warning, found, "Free some space or move the data directory: mail is refused for a while when the disk is full.")
	}
	return ok(check, found)
}

// clock asks the kernel whether a time service keeps the clock right: DKIM
// signatures and certificates are judged by it.
func (p Patient) clock() Finding {
	const check = "clock"
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return finding(check, Unknown, "the kernel does not say: "+err.Error(), "")
	}
	const unsynchronized = 0x40 // STA_UNSYNC
	if state == unix.TIME_ERROR || t.Status&unsynchronized != 0 {
		return finding(check, Warning, "no time service keeps it right", "Install one, such as systemd-timesyncd or chrony.")
	}
	return ok(check, "kept right by a time service")
}

// expiresSoon is how long before its end a certificate is warned about.
const expiresSoon = 14 * 24 * time.Hour

func (p Patient) certificate() Finding {
	const check = "certificate"
	if errors.Is(p.CertErr, fs.ErrNotExist) && p.Config.TLS.Mode == "self-signed" {
		return finding(check, Warning, "there is none yet: a self-signed one is made at the first start", "Set tls.mode to acme, or to files with a certificate that mail programs trust.")
	}
	if p.Cert == nil || p.Cert.Leaf == nil {
		return finding(check, Problem, "it cannot be read: "+fmt.Sprint(p.CertErr), "Check tls.cert_file and tls.key_file.")
	}
	leaf, now := p.Cert.Leaf, p.Clock()
	until := leaf.NotAfter.Format(time.DateOnly)
	switch {
	case now.After(leaf.NotAfter):
		return finding(check, Problem, "it expired on "+until, "Renew it; GoMail reads the new file by itself.")
	case leaf.VerifyHostname(p.Config.Server.Hostname) != nil:
		return finding(check, Problem, "it is for "+strings.Join(leaf.DNSNames, ", ")+", not for "+p.Config.Server.Hostname, "Get a certificate for the hostname.")
	case leaf.NotAfter.Sub(now) < expiresSoon:
		return finding(check, Warning, "it expires on "+until, "Renew it; GoMail reads the new file by itself.")
	case p.Config.TLS.Mode == "self-signed":
		return finding(check, Warning, "it is self-signed: mail programs will warn", "Set tls.mode to acme, or to files with a certificate that they trust.")
	}
	return ok(check, "valid until "+until)
}

func (p Patient) secretKey() Finding {
	const check = "secret key"
	path := p.Config.Secrets.KeyFile
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return finding(check, Problem, "it cannot be read: "+err.Error(), "Restore "+path+" from where you keep it: the DKIM keys are sealed with it.")
	case info.Mode().Perm()&0o077 != 0:
		return finding(check, Problem, "others can read "+path, "chmod 600 "+path)
	}
	return ok(check, path)
}

func (p Patient) administrator() Finding {
	const check = "administrator"
	if p.Admins == 0 {
		return finding(check, Problem, "there is none: mail to postmaster waits, nobody can sign in to the panel", "gomail account add admin@DOMAIN --admin")
	}
	return ok(check, fmt.Sprintf("%d", p.Admins))
}
