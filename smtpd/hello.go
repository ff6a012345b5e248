package smtpd

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// hello answers EHLO and HELO, RFC 5321 section 4.1.1.1. Whatever the client
// calls itself is taken: many tell nonsense, and section 4.1.4 forbids to
// refuse mail for it.
func (c *conn) hello(verb, arg string) reply {
	if (verb == "LHLO") != c.cfg.LMTP {
		return wrongProtocol(c.cfg.LMTP)
	}
	name, _, _ := strings.Cut(arg, " ")
	if name == "" {
		return badArgument(verb + " needs the name of your host")
	}
	c.reset()
	c.client.Helo = cleanHelo(name)
	c.client.ESMTP = verb != "HELO"
	c.client.LMTP = c.cfg.LMTP
	if !c.client.ESMTP {
		return reply{code: 250, text: c.cfg.Hostname}
	}
	return reply{code: 250, lines: c.extensions()}
}

// wrongProtocol keeps the two apart: whoever took one for the other would read
// the replies to a message wrongly (RFC 2033 section 4.1).
func wrongProtocol(lmtp bool) reply {
	text := "unknown command"
	if lmtp {
		text = "this is LMTP, not SMTP: send LHLO"
	}
	return reply{code: 500, enhanced: "5.5.1", text: text, fault: true}
}

// helloVerb is the command that begins a session.
func (c *conn) helloVerb() string {
	if c.cfg.LMTP {
		return "LHLO"
	}
	return "EHLO"
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
	if c.cfg.MaxHold > 0 { // both limits, RFC 4865 section 3
		until := c.cfg.Clock().Add(c.cfg.MaxHold).UTC().Truncate(time.Second)
		lines = append(lines, "FUTURERELEASE "+strconv.Itoa(int(c.cfg.MaxHold/time.Second))+" "+until.Format(time.RFC3339))
	}
	if c.cfg.DeliverBy {
		lines = append(lines, "DELIVERBY")
	}
	if c.cfg.LMTP { // there the other server sends the notifications
		lines = slices.DeleteFunc(lines, func(l string) bool { return l == "DSN" })
	}
	if c.cfg.TLS != nil && c.client.TLS == nil {
		lines = append(lines, "STARTTLS")
	}
	if c.client.TLS != nil && !c.cfg.LMTP { // RFC 8689 section 2: not before TLS
		lines = append(lines, "REQUIRETLS")
	}
	if c.cfg.Submission && c.client.TLS != nil && !c.authenticated {
		lines = append(lines, "AUTH "+strings.Join(c.mechanisms(), " "))
	}
	return append(lines, "HELP")
}
