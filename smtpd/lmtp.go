package smtpd

// Partial is an error of Session.Data on a server with Config.LMTP: what became
// of each recipient, in the order in which they were accepted. A nil among them
// is a recipient that has the message. Over SMTP, which knows one reply for
// all, the first error counts.
type Partial []error

// Error returns the first error.
func (p Partial) Error() string {
	if err := p.first(); err != nil {
		return err.Error()
	}
	return "no recipient was refused"
}

func (p Partial) first() error {
	for _, err := range p {
		if err != nil {
			return err
		}
	}
	return nil
}

// sendEach sends a reply for every recipient but the last, which it returns
// (RFC 2033 section 4.2). all is the reply where the backend did not tell them
// apart.
func (c *conn) sendEach(all reply, text string, err error) reply {
	each, _ := err.(Partial)
	for i := range c.tx.recipients {
		r := all
		if len(each) == c.tx.recipients {
			r = reply{code: 250, enhanced: "2.1.5", text: text}
			if each[i] != nil {
				r = replyFor(each[i], atRcpt)
				c.logFailure("LMTP recipient failed", each[i], "from", c.tx.from.String())
			}
		}
		if i == c.tx.recipients-1 {
			return r
		}
		c.send("DATA", r)
	}
	return all
}

func isPartial(err error) bool {
	_, ok := err.(Partial)
	return ok
}

func protocolName(lmtp bool) string {
	if lmtp {
		return "LMTP"
	}
	return "ESMTP"
}
