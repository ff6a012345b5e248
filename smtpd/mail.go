package smtpd

import (
	"context"
	"time"

	"gomail"
)

// mail begins a transaction, RFC 5321 section 4.1.1.2.
func (c *conn) mail(ctx context.Context, arg string) reply {
	if refusal, ok := c.mayMail(); !ok {
		return refusal
	}
	path, params, refusal, ok := cutCommandPath(arg, "FROM:")
	if !ok {
		return refusal
	}
	opts, refusal, ok := c.mailOptions(params)
	if !ok {
		return refusal
	}
	if !opts.UTF8 && !isASCII(path) {
		return needsUTF8()
	}
	if opts.Size > c.cfg.MaxMessageSize {
		return replyFor(c.tooLarge(), atMail)
	}
	var from gomail.Address
	if path != "" {
		var err error
		if from, err = parsePath(path); err != nil {
			return replyFor(err, atMail)
		}
	}
	c.client.Received = time.Now()
	if err := c.session.Mail(ctx, from, opts); err != nil {
		c.logFailure("SMTP sender refused", err, "from", from.String())
		return replyFor(err, atMail)
	}
	c.tx = transaction{open: true, utf8: opts.UTF8, from: from}
	return reply{code: 250, enhanced: "2.1.0", text: "OK"}
}

// mayMail reports whether a transaction may begin now.
func (c *conn) mayMail() (refusal reply, ok bool) {
	switch {
	case c.client.Helo == "":
		return badSequence("send " + c.helloVerb() + " first"), false
	case c.cfg.Submission && c.client.TLS == nil:
		return reply{code: 530, enhanced: "5.7.0", text: "send STARTTLS first", fault: true}, false
	case c.cfg.Submission && !c.authenticated:
		return reply{code: 530, enhanced: "5.7.0", text: "sign in first", fault: true}, false
	case c.tx.open:
		return badSequence("a mail transaction is open already"), false
	case c.messages >= c.cfg.MaxMessages:
		return reply{code: 421, enhanced: "4.5.3", text: "enough messages for one connection, open another", close: true}, false
	}
	return reply{}, true
}

func (c *conn) tooLarge() error {
	return gomail.Errorf(gomail.TooLarge, "the message is larger than the %d octets that are accepted here", c.cfg.MaxMessageSize)
}
