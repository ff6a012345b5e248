package smtpd

import (
	"context"
	"strings"
)

// execute runs one command and returns its reply.
func (c *conn) execute(ctx context.Context, verb, arg string) reply {
	switch verb {
	case "EHLO", "HELO", "LHLO":
		return c.hello(verb, arg)
	case "MAIL":
		return c.mail(ctx, arg)
	case "RCPT":
		return c.rcpt(ctx, arg)
	case "DATA":
		return c.data(ctx, arg)
	case "BDAT":
		return c.bdat(ctx, arg)
	case "RSET":
		return c.rset(arg)
	case "NOOP":
		return reply{code: 250, enhanced: "2.0.0", text: "OK"}
	case "QUIT":
		return c.quit(arg)
	case "STARTTLS":
		return c.starttls(ctx, arg)
	case "AUTH":
		return c.auth(ctx, arg)
	case "HELP":
		return reply{code: 214, enhanced: "2.0.0", text: "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS AUTH; see RFC 5321"}
	case "VRFY":
		return reply{code: 252, enhanced: "2.5.2", text: "send some mail, it will be tried"}
	case "EXPN", "TURN", "ETRN", "SEND", "SOML", "SAML":
		return notImplemented("the command is not implemented")
	}
	return c.unknown(verb, arg)
}

// unknown answers what is no SMTP command. A browser or a TLS client that
// came to the wrong port is sent away at once: an attacker may have it speak
// SMTP in the body of a request.
func (c *conn) unknown(verb, arg string) reply {
	switch verb {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI":
		if strings.Contains(arg, "/") || strings.Contains(arg, "*") {
			c.linger = true
			return reply{code: 554, enhanced: "5.5.1", text: "this is an SMTP server, not HTTP", fault: true, close: true}
		}
	}
	return reply{code: 500, enhanced: "5.5.1", text: "unknown command", fault: true}
}

// verbLabel keeps the set of a metric's labels small.
func verbLabel(verb string) string {
	switch verb {
	case "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "STARTTLS", "AUTH", "HELP", "VRFY", "":
		return verb
	}
	return "other"
}

func (c *conn) rset(arg string) reply {
	if arg != "" {
		return badArgument("RSET takes no argument")
	}
	c.reset()
	return reply{code: 250, enhanced: "2.0.0", text: "OK"}
}

func (c *conn) quit(arg string) reply {
	if arg != "" {
		return badArgument("QUIT takes no argument")
	}
	return reply{code: 221, enhanced: "2.0.0", text: "goodbye", close: true}
}

// reset ends the transaction.
func (c *conn) reset() {
	c.tx = transaction{}
	c.session.Reset()
}
