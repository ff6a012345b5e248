package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// patience is how long any one answer may take.
const patience = 60 * time.Second

// smtpClient is one SMTP connection that sends message after message.
type smtpClient struct {
	address   string
	conn      net.Conn
	r         *bufio.Reader
	pipelines bool
	out       []byte
}

// refusal is a reply with another code than it should have.
type refusal struct {
	code int // that was hoped for
	line string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the server said %q, not %d", r.line, r.code)
}

func dialSMTP(address string) (*smtpClient, error) {
	c := &smtpClient{address: address}
	return c, c.dial()
}

func (c *smtpClient) dial() (err error) {
	if c.conn, err = net.DialTimeout("tcp", c.address, patience); err != nil {
		return err
	}
	c.conn.SetDeadline(time.Now().Add(patience))
	c.r = bufio.NewReader(c.conn)
	if _, err = c.reply(220); err == nil {
		err = c.hello()
	}
	if err != nil {
		c.conn.Close()
	}
	return err
}

func (c *smtpClient) hello() error {
	if _, err := c.conn.Write([]byte("EHLO " + remoteHost + "\r\n")); err != nil {
		return err
	}
	text, err := c.reply(250)
	c.pipelines = strings.Contains(strings.ToUpper(text), "PIPELINING")
	return err
}

// reply reads a reply, RFC 5321 section 4.2.1, that has to have a code.
func (c *smtpClient) reply(code int) (string, error) {
	text, want := "", strconv.Itoa(code)
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if len(line) < 4 || line[:3] != want {
			return "", &refusal{code, strings.TrimSpace(line)}
		}
		text += line[4:]
		if line[3] != '-' {
			return text, nil
		}
	}
}

// send passes on one message, dots doubled already and without the final one.
// It returns the time from the last octet to the 250.
func (c *smtpClient) send(from, to string, message ...[]byte) (time.Duration, error) {
	c.conn.SetDeadline(time.Now().Add(patience))
	commands := []string{"MAIL FROM:<" + from + ">\r\n", "RCPT TO:<" + to + ">\r\n", "DATA\r\n"}
	err := c.begin(commands)
	if r := new(refusal); errors.As(err, &r) && strings.HasPrefix(r.line, "421") {
		// Some servers want a new connection after so many messages.
		c.conn.Close()
		if err = c.dial(); err == nil {
			err = c.begin(commands)
		}
	}
	if err != nil {
		return 0, err
	}
	c.out = c.out[:0]
	for _, part := range message {
		c.out = append(c.out, part...)
	}
	c.out = append(c.out, ".\r\n"...)
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, err
	}
	sent := time.Now()
	_, err = c.reply(250)
	return time.Since(sent), err
}

// begin sends the envelope, in one piece where that is offered (RFC 2920).
func (c *smtpClient) begin(commands []string) error {
	codes := []int{250, 250, 354}
	if c.pipelines {
		if _, err := c.conn.Write([]byte(strings.Join(commands, ""))); err != nil {
			return err
		}
	}
	for i, command := range commands {
		if !c.pipelines {
			if _, err := c.conn.Write([]byte(command)); err != nil {
				return err
			}
		}
		if _, err := c.reply(codes[i]); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(command), err)
		}
	}
	return nil
}

func (c *smtpClient) close() {
	c.conn.Write([]byte("QUIT\r\n"))
	c.conn.Close()
}
