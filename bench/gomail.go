package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// password is that of every account of the benchmark.
const password = "bench-password"

// goMail is `gomail demo`: the server with all checks on, and a little
// internet in the same process that it asks about DNS.
type goMail struct {
	*daemon
	binary  string
	dir     string
	started time.Duration // from exec to the line that says it is ready
	report  struct {
		SMTP     string `json:"smtp"`
		IMAPS    string `json:"imaps"`
		CAFile   string `json:"ca_file"`
		Hostname string `json:"hostname"`
		Remote   struct {
			SMTP string `json:"smtp"`
		} `json:"remote"`
	}
	tls     *tls.Config
	counted int // messages in mailboxes, as of the last count
}

// build makes the binary that is measured.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "gomail")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "gomail/cmd/gomail")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gomail: %w\n%s", err, out)
	}
	return binary, nil
}

// startGoMail runs the demo on a directory, new or of an earlier run.
func startGoMail(binary, dir string) (*goMail, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	g, begun := &goMail{binary: binary, dir: dir}, time.Now()
	g.daemon, err = startDaemon(w, binary, "demo", "--json", "--dir", dir)
	w.Close()
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(r).ReadBytes('\n')
	g.started = time.Since(begun)
	if err == nil {
		err = json.Unmarshal(line, &g.report)
	}
	if err == nil {
		g.tls, err = trust(g.report.CAFile, g.report.Hostname)
	}
	if err != nil {
		return nil, fmt.Errorf("gomail demo did not start: %w\n%s", err, g.stderr.String())
	}
	return g, nil
}

func trust(caFile, host string) (*tls.Config, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: host}, nil
}

func (g *goMail) name() string { return "GoMail" }

func (g *goMail) smtp() string { return g.report.SMTP }

func (g *goMail) roots() []int { return []int{g.pid()} }

func (g *goMail) data() string { return g.dir }

// arrived has nothing to wait for: a 250 says that the message is in its
// mailbox.
func (g *goMail) arrived(context.Context, int) error { return nil }

// verify asks IMAP whether that was true.
func (g *goMail) verify(ctx context.Context, sent int) error {
	n, err := g.count(ctx)
	if err == nil && n != g.counted+sent {
		err = fmt.Errorf("GoMail took %d messages, %d are in mailboxes", sent, n-g.counted)
	}
	g.counted = n
	return err
}

// count returns the number of messages in all inboxes, as IMAP says.
func (g *goMail) count(ctx context.Context) (int, error) {
	total := 0
	for i := range mailboxes {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		c, err := g.imap(i)
		if err != nil {
			return 0, err
		}
		n, err := c.messages()
		c.conn.Close()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func (g *goMail) imapTo(account int) (*imapClient, error) { return g.imap(account) }

func (g *goMail) imap(account int) (*imapClient, error) {
	return dialIMAP(g.report.IMAPS, g.tls, mailbox(account), password)
}

// addAccounts makes the accounts through the admin API's socket.
func (g *goMail) addAccounts(ctx context.Context) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(g.dir, "gomail.sock"))
	}}
	defer transport.CloseIdleConnections()
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(4)
	for i := range mailboxes {
		all.Go(func() error {
			body, _ := json.Marshal(map[string]string{"address": mailbox(i), "name": "", "role": "user", "password": password})
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gomail/api/v1/accounts", bytes.NewReader(body))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/json")
			answer, err := transport.RoundTrip(r)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode >= 300 {
				return fmt.Errorf("add %s: %s", mailbox(i), answer.Status)
			}
			return nil
		})
	}
	return all.Wait()
}

// signed has the demo's other domain sign a message and send it here, and
// returns it as it came: signed, and found to be in order.
func (g *goMail) signed(size int) ([]byte, error) {
	c, err := dialSMTP(g.report.Remote.SMTP)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if _, err := c.send(sender, mailbox(0), newMessage(size)); err != nil {
		return nil, err
	}
	g.counted++
	text, err := g.newest(0)
	if err != nil {
		return nil, err
	}
	return asSent(text)
}

func (g *goMail) newest(account int) (string, error) {
	c, err := g.imap(account)
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	return c.newest()
}

// end stops the server as an operator does.
func (g *goMail) end() error { return g.stop(syscall.SIGTERM) }
