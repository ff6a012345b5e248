package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// account is somebody who can sign in.
type account struct {
	Address  string `json:"address"`
	Password string `json:"password"`
}

// demo is a running `gomail demo`: the server and its little internet.
type demo struct {
	*process
	Hostname    string    `json:"hostname"`
	Domain      string    `json:"domain"`
	Web         string    `json:"web"`
	SMTP        string    `json:"smtp"`
	Submission  string    `json:"submission"`
	Submissions string    `json:"submissions"`
	IMAP        string    `json:"imap"`
	IMAPS       string    `json:"imaps"`
	POP3        string    `json:"pop3"`
	POP3S       string    `json:"pop3s"`
	DNS         string    `json:"dns"`
	CAFile      string    `json:"ca_file"`
	DataDir     string    `json:"data_dir"`
	Admin       account   `json:"admin"`
	Accounts    []account `json:"accounts"`
	Remote      struct {
		Domain  string `json:"domain"`
		SMTP    string `json:"smtp"`
		Maildir string `json:"maildir"`
	} `json:"remote"`
}

// startDemo runs a demo in a directory of its own and stops it when the test
// is over: it has to end well and leave nothing running.
func startDemo(t testing.TB) *demo {
	t.Helper()
	d := startDemoIn(t, t.TempDir())
	t.Cleanup(func() {
		if d.running() {
			d.stop()
		}
	})
	return d
}

// startDemoIn runs a demo on a directory that the test keeps.
func startDemoIn(t testing.TB, dir string) *demo {
	t.Helper()
	p := start(t, nil, binary, "demo", "--json", "--dir", dir)
	eventually(t, "the demo's line of JSON", func() bool {
		if !p.running() {
			t.Fatalf("the demo ended with %d: %s", p.code, p.stderr.String())
		}
		return strings.HasSuffix(p.stdout.String(), "\n")
	})
	d := &demo{process: p}
	decoder := json.NewDecoder(bytes.NewReader([]byte(p.stdout.String())))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		t.Fatalf("the demo's JSON: %v", err)
	}
	return d
}

// anna and bert are the demo's accounts.
func (d *demo) anna() account { return d.Accounts[0] }
func (d *demo) bert() account { return d.Accounts[1] }

// tls trusts the demo's authority and nobody else.
func (d *demo) tls() *tls.Config { return trust(d.t, d.CAFile, d.Hostname) }

// trust returns a client configuration that trusts one file.
func trust(t testing.TB, caFile, host string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", caFile)
	}
	return &tls.Config{RootCAs: pool, ServerName: host}
}

// gomail runs a command of ours against the demo's directory.
func (d *demo) gomail(args ...string) result {
	d.t.Helper()
	return run(d.t, "", binary, append([]string{"--dir", d.DataDir}, args...)...)
}

// remoteMessage waits for the message that holds a text to arrive at the
// remote domain, and returns the file with its content.
func (d *demo) remoteMessage(text string) (path, content string) {
	d.t.Helper()
	eventually(d.t, "a message with "+text+" at "+d.Remote.Domain, func() bool {
		files, _ := filepath.Glob(filepath.Join(d.Remote.Maildir, "*.eml"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err == nil && bytes.Contains(b, []byte(text)) {
				path, content = f, string(b)
				return true
			}
		}
		return false
	})
	return path, content
}

// checkClean demands that the store holds every invariant.
func (d *demo) checkClean() {
	d.t.Helper()
	if r := d.gomail("check"); r.code != 0 {
		d.t.Errorf("gomail check: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}
