package smtpd

import (
	"context"
	"io"
	"strconv"
	"strings"

	"gomail"
)

// bdat receives a message in chunks, RFC 3030. The backend reads all chunks
// as one message: between them its reader answers and runs the next command.
func (c *conn) bdat(ctx context.Context, arg string) reply {
	ch, ok := parseChunk(arg)
	if !ok {
		return c.badChunk()
	}
	m := &chunkReader{arrival: arrival{c: c}, ctx: ctx, chunk: ch}
	if refusal, ok := c.mayReceive(); !ok {
		return c.discardChunk(m, refusal)
	}
	m.begin()
	return c.receive(ctx, m)
}

// badChunk ends the session: without a length nobody can tell the chunk from
// the commands after it.
func (c *conn) badChunk() reply {
	c.linger = true
	r := badArgument("BDAT needs the size of the chunk, and LAST or nothing")
	r.close = true
	return r
}

// discardChunk reads a chunk that belongs to no transaction: with PIPELINING
// it was sent before the client could know. RFC 3030 section 2.
func (c *conn) discardChunk(m *chunkReader, refusal reply) reply {
	c.pace = pace{}
	c.in.more = c.moreContent
	drained := m.drain()
	c.in.more = c.moreCommand
	if m.lost != nil {
		c.goodbye(m.lost)
		return reply{}
	}
	if !drained {
		c.linger, refusal.close = true, true
	}
	return refusal
}

// chunk is one BDAT command.
type chunk struct {
	size int64 // octets still to come
	last bool
}

func parseChunk(arg string) (chunk, bool) {
	size, last, _ := strings.Cut(arg, " ")
	last = strings.TrimSpace(last)
	n, err := strconv.ParseUint(size, 10, 62)
	if err != nil || last != "" && !strings.EqualFold(last, "LAST") {
		return chunk{}, false
	}
	return chunk{size: int64(n), last: last != ""}, true
}

// chunkReader reads the content of a message's BDAT commands.
type chunkReader struct {
	arrival
	ctx      context.Context // of the session, for commands between chunks
	chunk    chunk
	declared int64  // the sizes of all chunks so far
	tail     string // what the last line lacks of its CRLF
}

// begin refuses a chunk that would make the message too large before it is
// read.
func (m *chunkReader) begin() {
	if m.declared += m.chunk.size; m.declared > m.c.cfg.MaxMessageSize {
		m.fail(m.c.tooLarge())
	}
}

// Read implements io.Reader as dataReader's does.
func (m *chunkReader) Read(p []byte) (int, error) {
	for m.err == nil && len(p) > 0 {
		if m.chunk.size == 0 {
			if n := m.chunkEnd(p); n > 0 {
				return n, nil
			}
			continue
		}
		if n := m.next(p); m.err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, m.err
}

// next copies octets of the chunk to p.
func (m *chunkReader) next(p []byte) int {
	in := &m.c.in
	if len(in.buffered()) == 0 {
		if err := in.more(); err != nil {
			m.lose(err)
			return 0
		}
	}
	b := in.buffered()
	n := copy(p, b[:min(int64(len(b)), m.chunk.size)])
	in.consume(n)
	m.chunk.size -= int64(n)
	m.content.check(p[:n])
	m.advance(n)
	return n
}

// chunkEnd goes on to the next chunk, or ends the message. A last line
// without its CRLF is given one, so that all content is lines.
func (m *chunkReader) chunkEnd(p []byte) int {
	if !m.chunk.last {
		m.nextChunk()
		return 0
	}
	if m.tail == "" {
		switch m.content.pos {
		case lineStart:
			m.fail(io.EOF)
			return 0
		case afterCR:
			m.fail(flawCR.err())
			return 0
		}
		m.tail = "\r\n"
	}
	n := copy(p, m.tail)
	if m.tail = m.tail[n:]; m.tail == "" {
		m.content.pos = lineStart
	}
	m.octets += int64(n)
	return n
}

// nextChunk answers the chunk and runs commands until the next one begins.
func (m *chunkReader) nextChunk() {
	c := m.c
	c.in.more = c.moreCommand
	defer func() { c.in.more = c.moreContent }()
	c.send("BDAT", reply{code: 250, enhanced: "2.0.0", text: strconv.FormatInt(m.octets, 10) + " octets received"})
	for !m.between() {
	}
}

// between runs one command between chunks and reports whether there is a next
// chunk or an end.
func (m *chunkReader) between() bool {
	c := m.c
	line, err := c.nextCommand()
	if err != nil {
		m.lose(err)
		return true
	}
	verb, arg := splitCommand(line)
	switch verb {
	case "BDAT":
		ch, ok := parseChunk(arg)
		if !ok {
			c.send(verb, c.badChunk())
			m.lose(io.ErrUnexpectedEOF)
			return true
		}
		if ch.size >= 1<<10 {
			c.commands = 0 // only tiny chunks are a nuisance
		}
		m.chunk = ch
		m.begin()
		return true
	case "RSET", "QUIT", "EHLO", "HELO":
		c.pending = line
		m.aborted = true
		m.fail(gomail.Errorf(gomail.Refused, "the client gave the message up"))
		return true
	case "MAIL", "RCPT", "DATA", "STARTTLS", "AUTH":
		c.send(verb, badSequence("the message is not complete: send BDAT or RSET"))
	default:
		c.send(verb, c.execute(m.ctx, verb, arg))
	}
	if c.done {
		m.lose(io.ErrUnexpectedEOF)
	}
	return c.done
}

// whole reports whether this is the last chunk.
func (m *chunkReader) whole() bool { return m.chunk.last }

// drain reads the rest of the current chunk. Chunks that follow are refused
// one by one: they belong to no transaction any more.
func (m *chunkReader) drain() bool {
	if m.chunk.size > m.c.cfg.MaxMessageSize+maxDrained {
		return false
	}
	scratch := m.c.in.get()
	defer m.c.in.put(scratch)
	for m.chunk.size > 0 && m.lost == nil {
		m.next(scratch[:])
	}
	return m.chunk.size == 0
}
