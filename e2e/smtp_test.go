package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// smtpConn is an SMTP client that says exactly what a test tells it to.
type smtpConn struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

// dialSMTP connects and reads the greeting.
func dialSMTP(t testing.TB, address string) *smtpConn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return greeted(t, nc)
}

// dialSMTPS is dialSMTP with TLS from the start.
func dialSMTPS(t testing.TB, address string, c *tls.Config) *smtpConn {
	t.Helper()
	nc, err := tls.Dial("tcp", address, c)
	if err != nil {
		t.Fatal(err)
	}
	return greeted(t, nc)
}

func greeted(t testing.TB, nc net.Conn) *smtpConn {
	t.Helper()
	nc.SetDeadline(time.Now().Add(2 * patience))
	c := &smtpConn{nc, t, bufio.NewReader(nc)}
	t.Cleanup(func() { c.Close() })
	if reply := c.reply(); !strings.HasPrefix(reply, "220 ") {
		t.Fatalf("greeting: %s", reply)
	}
	return c
}

// reply reads a whole reply, its lines joined by newlines.
func (c *smtpConn) reply() string {
	c.t.Helper()
	reply, err := c.read()
	if err != nil {
		c.t.Fatalf("reading a reply: %v after %q", err, reply)
	}
	return reply
}

func (c *smtpConn) read() (string, error) {
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return strings.Join(append(lines, line), "\n"), err
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n"), nil
		}
	}
}

// send writes octets as they are.
func (c *smtpConn) send(octets string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, octets); err != nil {
		c.t.Fatalf("sending %.60q: %v", octets, err)
	}
}

// cmd sends a command and returns the reply.
func (c *smtpConn) cmd(format string, args ...any) string {
	c.t.Helper()
	c.send(fmt.Sprintf(format, args...) + "\r\n")
	return c.reply()
}

// want sends a command whose reply has to begin with a prefix.
func (c *smtpConn) want(prefix, format string, args ...any) string {
	c.t.Helper()
	reply := c.cmd(format, args...)
	if !strings.HasPrefix(reply, prefix) {
		c.t.Fatalf("%.200s: got %q, want %s", fmt.Sprintf(format, args...), reply, prefix)
	}
	return reply
}

// ehlo says hello.
func (c *smtpConn) ehlo() string {
	c.t.Helper()
	return c.want("250", "EHLO client.remote.test")
}

// startTLS upgrades the connection and says hello again.
func (c *smtpConn) startTLS(config *tls.Config) {
	c.t.Helper()
	c.want("220", "STARTTLS")
	conn := tls.Client(c.Conn, config)
	if err := conn.Handshake(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.Conn, c.r = conn, bufio.NewReader(conn)
	c.ehlo()
}

// plain is the argument of AUTH PLAIN.
func plain(a account) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + a.Address + "\x00" + a.Password))
}

// message sends a message with its envelope and returns the last reply. The
// text is sent as it is, with the end of the message after it.
func (c *smtpConn) message(from, to, text string) string {
	c.t.Helper()
	c.want("250", "MAIL FROM:<%s>", from)
	c.want("250", "RCPT TO:<%s>", to)
	c.want("354", "DATA")
	c.send(text + ".\r\n")
	return c.reply()
}

// closed demands that the server ends the connection, whatever it says first.
func (c *smtpConn) closed() {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			if nerr := net.Error(nil); errors.As(err, &nerr) && nerr.Timeout() {
				c.t.Fatal("the server keeps the connection")
			}
			return
		}
	}
}

// submission signs in on the demo's port for TLS from the start.
func (d *demo) submission(a account) *smtpConn {
	d.t.Helper()
	c := dialSMTPS(d.t, d.Submissions, d.tls())
	c.ehlo()
	c.want("235", "AUTH PLAIN %s", plain(a))
	return c
}
