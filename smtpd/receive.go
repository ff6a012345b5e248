package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"gomail"
)

// maxDrained is how much of a message is read and dropped, beyond what may
// be sent at all, so that the client can hear why it is refused.
const maxDrained = 1 << 20

// errUnread is a fault of the backend: what it did not read it cannot keep.
var errUnread = errors.New("the backend accepted a message without reading all of it")

// arrival is the state of a message that is arriving, whichever command
// brings it.
type arrival struct {
	c       *conn
	content content
	octets  int64 // of content
	err     error // sticky: io.EOF when complete, else why it is not accepted
	lost    error // the connection failed before the end
	aborted bool  // another command took the place of the rest
}

// fail notes why the message is not accepted; the first reason stays.
func (a *arrival) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// lose notes that the rest will not come.
func (a *arrival) lose(err error) {
	a.lost = err
	a.err = fmt.Errorf("the message broke off: %w", io.ErrUnexpectedEOF)
}

// advance judges the octets that have just passed.
func (a *arrival) advance(n int) {
	a.octets += int64(n)
	if a.content.flaw != "" {
		a.fail(a.content.flaw.err())
	}
	if a.octets > a.c.cfg.MaxMessageSize {
		a.fail(a.c.tooLarge())
	}
}

// messageReader is what DATA and BDAT have in common.
type messageReader interface {
	io.Reader
	state() *arrival
	// drain reads and drops what the client still sends of the part to which
	// the next reply belongs, and reports whether it came to its end.
	drain() bool
	// whole reports whether the next reply is about the whole message, not
	// about a part of it.
	whole() bool
}

func (a *arrival) state() *arrival { return a }

// mayReceive reports whether the transaction is ready for content.
func (c *conn) mayReceive() (refusal reply, ok bool) {
	switch {
	case !c.tx.open:
		return badSequence("send MAIL first"), false
	case c.tx.recipients == 0 && c.cfg.LMTP: // RFC 2033 section 4.2
		return badSequence("no valid recipients"), false
	case c.tx.recipients == 0:
		return reply{code: 554, enhanced: "5.5.1", text: "no valid recipients", fault: true}, false
	}
	return reply{}, true
}

// receive hands the message to the backend, reads it to its end whatever the
// backend did, and ends the transaction.
func (c *conn) receive(ctx context.Context, m messageReader) reply {
	c.tx.receiving = true
	c.pace = pace{}
	c.in.more = c.moreContent
	text, err := c.session.Data(ctx, m)
	a := m.state()
	if (err == nil || isPartial(err)) && a.err == nil {
		err = errUnread
	}
	if a.lost == nil && !a.aborted && !m.drain() && a.lost == nil {
		c.done, c.linger = true, true
	}
	c.in.more = c.moreCommand
	r := c.verdict(a, text, err)
	c.logMessage(a, r, text, err)
	if r.code == 250 {
		c.seat.Useful()
	}
	if c.cfg.LMTP && r.code != 0 && m.whole() {
		r = c.sendEach(r, text, err)
	}
	if a.lost != nil {
		c.goodbye(a.lost)
	}
	c.messages++
	c.commands = 0
	c.reset()
	return r
}

// verdict is the reply to a message.
func (c *conn) verdict(a *arrival, text string, err error) reply {
	switch {
	case a.lost != nil || a.aborted:
		return reply{}
	case a.err != nil && a.err != io.EOF:
		return replyFor(a.err, atData)
	case err != nil:
		var each Partial
		if errors.As(err, &each) {
			err = each.first()
		}
		if err != nil {
			return replyFor(err, atData)
		}
	}
	return reply{code: 250, enhanced: "2.0.0", text: text}
}

// logMessage writes the one line that tells what became of a message.
func (c *conn) logMessage(a *arrival, r reply, text string, err error) {
	attrs := []slog.Attr{
		slog.String("from", c.tx.from.String()),
		slog.Int("rcpts", c.tx.recipients),
		slog.Int64("size", a.octets),
		slog.String("helo", c.client.Helo),
		slog.Bool("tls", c.client.TLS != nil),
		slog.Int("code", r.code),
	}
	c.cfg.Metrics.Message(r.code, a.octets)
	switch {
	case r.code == 250:
		attrs = append(attrs, slog.String("reply", text))
		c.log.LogAttrs(context.Background(), slog.LevelInfo, "SMTP message accepted", attrs...)
		return
	case a.lost != nil:
		err = a.lost
	case a.err != nil && a.err != io.EOF:
		err = a.err
	}
	attrs = append(attrs, slog.Any("err", err))
	c.log.LogAttrs(context.Background(), levelOf(err), "SMTP message not accepted", attrs...)
}

// logFailure logs a refusal: faults of ours as errors, the rest as events.
func (c *conn) logFailure(what string, err error, attrs ...any) {
	c.log.Log(context.Background(), levelOf(err), what, append(attrs, "err", err)...)
}

func levelOf(err error) slog.Level {
	switch gomail.KindOf(err) {
	case gomail.Internal, gomail.Corrupt:
		if err != nil && !isDisconnect(err) {
			return slog.LevelError
		}
	}
	return slog.LevelInfo
}
