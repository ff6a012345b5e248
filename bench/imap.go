package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// imapClient speaks as much IMAP as it takes to count and to read messages.
type imapClient struct {
	conn net.Conn
	r    *bufio.Reader
}

// dialIMAP connects, with TLS if there is a configuration for it, and signs
// in.
func dialIMAP(address string, config *tls.Config, user, password string) (*imapClient, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	conn.SetDeadline(time.Now().Add(patience))
	c := &imapClient{conn: conn, r: bufio.NewReaderSize(conn, 4096)}
	if _, err = c.r.ReadString('\n'); err == nil {
		_, err = c.command("LOGIN " + user + " " + password)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// command sends a command and returns all that comes before its OK, literals
// included.
func (c *imapClient) command(text string) (string, error) {
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, "a "+text+"\r\n"); err != nil {
		return "", err
	}
	var answer strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(line, "a ") {
			if !strings.HasPrefix(line, "a OK") {
				return "", fmt.Errorf("%s: %s", strings.Fields(text)[0], strings.TrimSpace(line))
			}
			return answer.String(), nil
		}
		answer.WriteString(line)
		if n := literal(line); n > 0 {
			if _, err := io.CopyN(&answer, c.r, n); err != nil {
				return "", err
			}
		}
	}
}

// literal returns how many octets follow a line that ends in {n}.
func literal(line string) int64 {
	line = strings.TrimRight(line, "\r\n")
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0
	}
	n, _ := strconv.ParseInt(line[open+1:len(line)-1], 10, 64)
	return n
}

// messages returns the number of messages in the inbox.
func (c *imapClient) messages() (int, error) {
	answer, err := c.command("STATUS INBOX (MESSAGES)")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(answer, "(MESSAGES ")
	if !ok {
		return 0, fmt.Errorf("STATUS answered %q", answer)
	}
	return strconv.Atoi(rest[:strings.IndexByte(rest, ')')])
}

// newest returns the inbox's last message.
func (c *imapClient) newest() (string, error) {
	if _, err := c.command("EXAMINE INBOX"); err != nil {
		return "", err
	}
	answer, err := c.command("FETCH * BODY.PEEK[]")
	if err != nil {
		return "", err
	}
	first, rest, _ := strings.Cut(answer, "\r\n")
	n := int(literal(first + "\r\n"))
	if n == 0 || n > len(rest) {
		return "", fmt.Errorf("FETCH answered %q", first)
	}
	return rest[:n], nil
}

// idle selects the inbox and begins to IDLE, RFC 2177.
func (c *imapClient) idle() error {
	if _, err := c.command("SELECT INBOX"); err != nil {
		return err
	}
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, "a IDLE\r\n"); err != nil {
		return err
	}
	line, err := c.r.ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "+") {
		err = fmt.Errorf("IDLE: %s", strings.TrimSpace(line))
	}
	c.conn.SetDeadline(time.Time{})
	return err
}
