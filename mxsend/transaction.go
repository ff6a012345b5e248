package mxsend

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"gomail"
	"gomail/queue"
)

// use sends the message over a connection, in as many transactions as the
// recipients need, and reports whether nothing is left to do. When the
// connection fails before a message is complete, its recipients are left for
// the next server.
func (a *attempt) use(ctx context.Context, c *client) bool {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if a.task.Envelope.TLS == gomail.TLSRequired && !c.ext.requireTLS {
		// RFC 8689 section 4.2.1: another host may promise it.
		c.release()
		a.note(failure{outcome: queue.Permanent, enhanced: "5.7.30", remote: c.remote(), security: c.security, policy: c.policy.describe(), text: "the server does not promise to insist on TLS (REQUIRETLS), as the message demands"})
		return false
	}
	if f := a.unfit(c); f != nil {
		c.release()
		a.settleAll(a.todo, f.result())
		return true
	}
	for len(a.todo) > 0 && !c.exhausted() && ctx.Err() == nil {
		if err := a.transact(c, a.group(c)); err != nil {
			a.note(*failureOf(err, c.remote()))
			c.broken = true
		}
	}
	if stop() {
		c.release()
	} else {
		c.conn.Close()
	}
	return len(a.todo) == 0
}

// unfit says why a message cannot go to a server at all.
func (a *attempt) unfit(c *client) *failure {
	switch {
	case a.utf8 && !c.ext.utf8:
		return &failure{outcome: queue.Permanent, enhanced: "5.6.7", remote: c.remote(), text: "the server does not take internationalized mail (SMTPUTF8)"}
	case a.task.Envelope.DeliverBy.Return && !c.ext.deliverBy: // RFC 2852 section 4.1.4
		return &failure{outcome: queue.Permanent, enhanced: "5.4.7", remote: c.remote(), text: "the server does not promise to deliver by a time (DELIVERBY), as the sender demands"}
	case a.task.Envelope.DeliverBy.Return && secondsLeft(a.task.Envelope.DeliverBy) < int64(max(1, c.ext.minBy)):
		return &failure{outcome: queue.Permanent, enhanced: "5.4.7", remote: c.remote(), text: "less time is left than the server needs to deliver by it"}
	case c.ext.size > 0 && a.content.Size() > c.ext.size:
		return &failure{outcome: queue.Permanent, enhanced: "5.3.4", remote: c.remote(), text: fmt.Sprintf("the message is larger than the %d octets that the server takes", c.ext.size)}
	}
	return nil
}

// group returns the recipients of the next transaction.
func (a *attempt) group(c *client) []int {
	n := a.s.cfg.MaxRecipients
	if c.ext.rcptMax > 0 {
		n = min(n, c.ext.rcptMax)
	}
	return append([]int(nil), a.todo[:min(n, len(a.todo))]...)
}

// transact runs one transaction and settles its recipients. An error leaves
// those that are not settled to another connection.
func (a *attempt) transact(c *client, group []int) error {
	if err := c.clean(a.s.cfg.Timeouts.Mail); err != nil {
		return err
	}
	c.messages++
	c.dirty = true
	opening, err := a.open(c, group)
	if err != nil {
		return err
	}
	if !opening.mail.ok() {
		a.settleAll(group, a.resultOf(c, opening.mail))
		return nil
	}
	var accepted []int
	for k, i := range group {
		switch r := opening.rcpts[k]; {
		case r.ok():
			accepted = append(accepted, i)
		case r.code == 452 && r.enhanced == "4.5.3" && len(accepted) > 0:
			// Too many at a time, RFC 5321 section 4.5.3.1.10: it is left for
			// the next transaction.
		default:
			a.settle(i, a.resultOf(c, r))
		}
	}
	if len(accepted) == 0 {
		return nil
	}
	if opening.data.code != 354 {
		a.settleAll(accepted, a.resultOf(c, unexpected(opening.data)))
		return nil
	}
	return a.finish(c, accepted)
}

// unexpected keeps a success where none can be from looking like delivery.
func unexpected(r reply) reply {
	if r.code/100 == 4 || r.code/100 == 5 {
		return r
	}
	return reply{code: 451, enhanced: "4.5.0", text: fmt.Sprintf("the server answered %d out of place", r.code)}
}

// opening is the replies to what precedes the message.
type opening struct {
	mail  reply
	rcpts []reply // as many as recipients; zero: not asked
	data  reply   // zero: not asked
}

// open sends MAIL, RCPT and DATA: in one write where the server knows
// PIPELINING, else one after the other.
func (a *attempt) open(c *client, group []int) (opening, error) {
	commands := []string{a.mailCommand(c)}
	for _, i := range group {
		commands = append(commands, rcptCommand(c, a.task.Rcpts[i].Recipient, a.utf8))
	}
	commands = append(commands, "DATA\r\n")
	t := a.s.cfg.Timeouts
	if c.ext.pipelining {
		if err := c.write(t.Mail, []byte(strings.Join(commands, ""))); err != nil {
			return opening{}, fmt.Errorf("sending the envelope: %w", err)
		}
	}
	return c.converse(commands, t)
}

// converse reads the replies to an opening, and before each sends its command
// unless all were sent together.
func (c *client) converse(commands []string, t Timeouts) (o opening, err error) {
	ask := func(i int, timeout time.Duration) (r reply) {
		if err != nil {
			return reply{}
		}
		if !c.ext.pipelining {
			err = c.write(timeout, []byte(commands[i]))
		}
		if err == nil {
			r, err = c.read(timeout)
		}
		if name, _, _ := strings.Cut(strings.TrimSpace(commands[i]), " "); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		} else if r.code == 421 {
			err = &replyError{name, r}
		}
		return r
	}
	last := len(commands) - 1
	o.rcpts = make([]reply, last-1)
	o.mail = ask(0, t.Mail)
	accepted := 0
	for i := range o.rcpts {
		if c.ext.pipelining || o.mail.ok() {
			o.rcpts[i] = ask(1+i, t.Rcpt)
		}
		if o.rcpts[i].ok() {
			accepted++
		}
	}
	if c.ext.pipelining || accepted > 0 {
		o.data = ask(last, t.DataInit)
	}
	if o.data.code == 354 && (accepted == 0 || !o.mail.ok()) {
		// The server waits for a message that has no recipients. Leaving
		// is safer than ending it: nothing can be taken for mail.
		c.broken = true
	}
	return o, err
}

// blocks are what one message is read and written in.
type blocks struct {
	in  [32 << 10]byte
	out [64<<10 + 16]byte
}

// finish sends the message and settles by the last reply. An error before the
// final dot was written leaves the recipients to another server; after it the
// message may have arrived, so they are settled, as temporary.
func (a *attempt) finish(c *client, accepted []int) error {
	ended, err := a.sendContent(c)
	if err != nil && !ended {
		c.broken = true
		return fmt.Errorf("sending the message: %w", err)
	}
	var r reply
	if err == nil {
		r, err = c.read(a.s.cfg.Timeouts.DataEnd)
	}
	if err != nil {
		c.broken = true
		f := failureOf(fmt.Errorf("the message was sent, but the server did not answer: %w", err), c.remote())
		f.enhanced = "4.4.2"
		a.settleAll(accepted, f.result())
		return nil
	}
	c.dirty = false
	if !r.ok() {
		r = unexpected(r)
	}
	a.settleAll(accepted, a.resultOf(c, r))
	return nil
}

// sendContent writes the message in the form of DATA, final dot included. The
// last block and the dot go in one write; ended is true once that was tried:
// the dot may have arrived.
func (a *attempt) sendContent(c *client) (ended bool, err error) {
	b := a.s.blocks.Get().(*blocks)
	defer a.s.blocks.Put(b)
	content := io.NewSectionReader(a.content, 0, a.content.Size())
	var form stuffer
	for {
		n, err := io.ReadFull(content, b.in[:])
		out := form.append(b.out[:0], b.in[:n])
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return false, fmt.Errorf("reading it: %w", err)
		}
		if last {
			out = form.finish(out)
		}
		if err := c.write(a.s.cfg.Timeouts.DataBlock, out); err != nil || last {
			return last, err
		}
	}
}

// resultOf is the result that a server's reply means.
func (a *attempt) resultOf(c *client, r reply) queue.Result {
	outcome := queue.Delivered
	switch {
	case r.temporary(), c.wantsSignIn(r):
		outcome = queue.Temporary
	case !r.ok():
		outcome = queue.Permanent
	}
	return queue.Result{Outcome: outcome, Code: r.code, Enhanced: r.enhanced, Text: r.text, Remote: c.remote(), TLS: c.security, Policy: c.policy.describe(),
		PassedOn: outcome == queue.Delivered && c.ext.dsn, PassedBy: outcome == queue.Delivered && c.ext.deliverBy}
}

func (a *attempt) settleAll(group []int, r queue.Result) {
	for _, i := range append([]int(nil), group...) {
		a.settle(i, r)
	}
}
