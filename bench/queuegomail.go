package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// queueGoMail is `gomail serve`, on the data directory that a demo has set
// up: its domain's keys are active, so that all mail is signed. It asks the
// benchmark's DNS.
type queueGoMail struct {
	*goMail
	daemon *daemon
	user   string // who sends, with password
}

func startQueueGoMail(ctx context.Context, binary, dir string) (*queueGoMail, error) {
	demo, err := startGoMail(binary, dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(demo.addAccounts(ctx), demo.end()); err != nil {
		return nil, err
	}
	g := &queueGoMail{goMail: demo, user: mailbox(0)}
	if g.daemon, err = startDaemon(nil, "/usr/bin/env", "GOMAIL_DNS_RESOLVERS="+queueDNS, "GOMAIL_LOG_LEVEL=warn", binary, "--dir", dir, "serve"); err != nil {
		return nil, err
	}
	_, err = untilReady(ctx, "https://"+g.configured(webAddress)+"/readyz", time.Now(), g.tls)
	if err != nil {
		err = errors.Join(err, g.end(), errors.New(g.daemon.stderr.String()))
	}
	return g, err
}

var submissionAddress = regexp.MustCompile(`(?s)\[submission\].*?tls_listen = \["([^"]*)"\]`)

// configured returns an address from the configuration that the demo wrote.
func (g *queueGoMail) configured(key *regexp.Regexp) string {
	text, err := os.ReadFile(filepath.Join(g.dir, "gomail.toml"))
	if at := key.FindSubmatch(text); err == nil && at != nil {
		return string(at[1])
	}
	return ""
}

func (g *queueGoMail) cpu() time.Duration { return cpuOf(g.daemon.pid()) }

func (g *queueGoMail) end() error { return g.daemon.stop(syscall.SIGTERM) }

// fill submits the messages, signed in as a user.
func (g *queueGoMail) fill(ctx context.Context, n, destinations int) error {
	dial := func() (*smtpClient, error) {
		return dialSubmission(g.configured(submissionAddress), g.tls, g.user, password)
	}
	return fillBySMTP(ctx, dial, g.user, n, destinations)
}

func (g *queueGoMail) begin(context.Context) error { return nil }

// finish waits until `gomail queue list` shows nothing.
func (g *queueGoMail) finish(ctx context.Context) error {
	return untilEmpty(ctx, func() (bool, error) {
		out, err := runCommand(ctx, g.binary, "--dir", g.dir, "queue", "list", "--json")
		return len(out) < 5, err
	})
}

// dialSubmission signs in over TLS.
func dialSubmission(address string, config *tls.Config, user, password string) (*smtpClient, error) {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return nil, err
	}
	c := &smtpClient{address: address, conn: conn, r: bufio.NewReader(conn)}
	if _, err = c.reply(220); err == nil {
		err = c.hello()
	}
	if err == nil {
		_, err = fmt.Fprintf(conn, "AUTH PLAIN %s\r\n", base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)))
	}
	if err == nil {
		_, err = c.reply(235)
	}
	if err != nil {
		conn.Close()
	}
	return c, err
}

// fillers is how many connections fill a queue.
const fillers = 20

// fillBySMTP sends messages with the marks 0 to n-1 to the destinations in
// turn, each to a recipient of its own.
func fillBySMTP(ctx context.Context, dial func() (*smtpClient, error), from string, n, destinations int) error {
	text := queueMessage(from)
	var next atomic.Int64
	var g errgroup.Group
	for range fillers {
		g.Go(func() error {
			var c *smtpClient
			defer func() {
				if c != nil {
					c.close()
				}
			}()
			for sent := 0; ctx.Err() == nil; sent++ {
				mark := int(next.Add(1)) - 1
				if mark >= n {
					return nil
				}
				if c == nil || sent%500 == 0 { // servers limit the messages of a connection
					if c != nil {
						c.close()
					}
					var err error
					if c, err = dial(); err != nil {
						return err
					}
				}
				domain, _ := destination(mark % destinations)
				if _, err := c.send(from, fmt.Sprintf("r%d@%s", mark, domain), fmt.Appendf(nil, "X-Bench-Mark: %d\r\n", mark), text); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// untilEmpty asks every 100 milliseconds until a queue is empty.
func untilEmpty(ctx context.Context, empty func() (bool, error)) error {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		done, err := empty()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("all messages have arrived, but its queue is not empty")
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// freeAddress returns a free port of 127.0.0.1.
func freeAddress() (string, int, error) {
	port, err := freePort()
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), port, err
}
