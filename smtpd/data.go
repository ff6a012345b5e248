package smtpd

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
)

// data receives a message, RFC 5321 section 4.1.1.4.
func (c *conn) data(ctx context.Context, arg string) reply {
	if arg != "" {
		return badArgument("DATA takes no argument")
	}
	if refusal, ok := c.mayReceive(); !ok {
		return refusal
	}
	c.send("DATA", reply{code: 354, text: "send the message, end it with a dot on a line of its own"})
	return c.receive(ctx, &dataReader{arrival: arrival{c: c}})
}

// dataReader reads the content of a DATA command.
type dataReader struct {
	arrival
	ended bool // the final dot has been read
}

// Read implements io.Reader. It fails with an Invalid error at content that
// is not acceptable, with a TooLarge error past the limit, and with
// io.ErrUnexpectedEOF when the client stalls or leaves.
func (d *dataReader) Read(p []byte) (int, error) {
	for d.err == nil && len(p) > 0 {
		n := d.next(p)
		if d.err == nil || d.err == io.EOF {
			if n > 0 {
				return n, nil
			}
		}
	}
	return 0, d.err
}

// next moves content to p, after waiting for some when there is none.
func (d *dataReader) next(p []byte) int {
	in := &d.c.in
	if len(in.buffered()) == 0 {
		if err := in.more(); err != nil {
			d.lose(err)
			return 0
		}
	}
	n, used, end := d.content.unstuff(p, in.buffered())
	in.consume(used)
	d.advance(n)
	if end {
		d.ended = true
		d.fail(io.EOF)
	}
	return n
}

// whole: the final dot ends all of the message.
func (d *dataReader) whole() bool { return true }

// drain reads up to the final dot.
func (d *dataReader) drain() bool {
	if d.ended {
		return true
	}
	scratch := d.c.in.get()
	defer d.c.in.put(scratch)
	for !d.ended && d.lost == nil && d.octets <= d.c.cfg.MaxMessageSize+maxDrained {
		d.next(scratch[:])
	}
	return d.ended
}

// isDisconnect reports whether err is of the connection, not of us.
func isDisconnect(err error) bool {
	var ne net.Error
	return err == errTooSlow || err == errClosing || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &ne)
}
