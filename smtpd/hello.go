package smtpd

import (
	"strconv"
	"strings"
)

// hello answers EHLO and HELO, RFC 5321 section 4.1.1.1. Whatever the client
// calls itself is taken: many tell nonsense, and section 4.1.4 forbids to
// refuse mail for it.
func (c *conn) hello(verb, arg string) reply {
	name, _, _ := strings.Cut(arg, " ")
	if name == "" {
		return badArgument(verb + " needs the name of your host")
	}
	c.reset()
	c.client.Helo = cleanHelo(name)
	c.client.ESMTP = verb == "EHLO"
	if !c.client.ESMTP {
		return reply{code: 250, text: c.cfg.Hostname}
	}
	return reply{code: 250, lines: c.extensions()}
}

// cleanHelo bounds the name and keeps it printable: it goes into header
// fields and logs.
func cleanHelo(name string) string {
	if len(name) > 255 {
		name = name[:255]
	}
	return string(appendClean(nil, name))
}

// extensions are the lines of the reply to EHLO.
func (c *conn) extensions() []string {
	lines := []string{
		c.cfg.Hostname + " greets you",
		"PIPELINING",
		"SIZE " + strconv.FormatInt(c.cfg.MaxMessageSize, 10),
		"8BITMIME",
		"SMTPUTF8",
		"CHUNKING",
		"DSN",
		"ENHANCEDSTATUSCODES",
		"LIMITS MAILMAX=" + strconv.Itoa(c.cfg.MaxMessages) + " RCPTMAX=" + strconv.Itoa(c.cfg.MaxRecipients),
	}
	if c.cfg.TLS != nil && c.client.TLS == nil {
		lines = append(lines, "STARTTLS")
	}
	if c.cfg.Submission && c.client.TLS != nil && !c.authenticated {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	return append(lines, "HELP")
}
