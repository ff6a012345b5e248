package smtpd

import (
	"context"
	"strings"

	"gomail"
)

// rcpt adds a recipient, RFC 5321 section 4.1.1.3.
func (c *conn) rcpt(ctx context.Context, arg string) reply {
	if !c.tx.open {
		return badSequence("send MAIL first")
	}
	path, params, refusal, ok := cutCommandPath(arg, "TO:")
	if !ok {
		return refusal
	}
	r, refusal, ok := c.rcptOptions(params)
	if !ok {
		return refusal
	}
	if !c.tx.utf8 && !isASCII(path) {
		return needsUTF8()
	}
	var err error
	if r.Address, err = c.recipientPath(path); err != nil {
		return c.refuseRecipient(err, path)
	}
	if c.tx.recipients >= c.cfg.MaxRecipients {
		return replyFor(gomail.Errorf(gomail.TooMany, "a message may have %d recipients here", c.cfg.MaxRecipients), atRcpt)
	}
	if err := c.session.Rcpt(ctx, r); err != nil {
		return c.refuseRecipient(err, path)
	}
	c.tx.recipients++
	return reply{code: 250, enhanced: "2.1.5", text: "OK"}
}

// recipientPath reads a forward-path.
func (c *conn) recipientPath(path string) (gomail.Address, error) {
	switch {
	case path == "":
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "the null path is not a recipient")
	case strings.EqualFold(path, "postmaster"):
		return gomail.Address{Local: "postmaster", Domain: c.cfg.Hostname}, nil
	}
	return parsePath(path)
}

// refuseRecipient answers, and counts refusals for good: a client that tries
// one name after the other is harvesting addresses.
func (c *conn) refuseRecipient(err error, path string) reply {
	r := replyFor(err, atRcpt)
	if r.code >= 500 {
		c.refusals++
	}
	c.logFailure("SMTP recipient refused", err, "rcpt", path, "from", c.tx.from.String())
	return r
}
