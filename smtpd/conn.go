package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/internal/serve"
)

// Why a session ends without QUIT, beside the connection's own errors.
var (
	errClosing  = errors.New("the server is shutting down")
	errTooSlow  = errors.New("the message arrives too slowly")
	errFlooded  = errors.New("the line does not end")
	errCommands = errors.New("too many commands without a message")
	errErrors   = errors.New("too many errors")
	errRefusals = errors.New("too many refused recipients")
	errSignIns  = errors.New("too many failed sign-ins")
)

// conn is one connection. All but interrupt runs in its own goroutine.
type conn struct {
	srv *Server
	cfg *Config
	log *slog.Logger

	seat    *serve.Seat
	raw     net.Conn // as accepted
	net     net.Conn // raw, or TLS over it
	in      input
	out     []byte // replies not yet written
	session Session
	client  gomail.Client
	tx      transaction

	ending <-chan struct{} // closed when the session is asked to stop

	opened        time.Time
	deadline      time.Time // for the command line now arriving; zero: not begun
	pace          pace      // of the message now arriving
	authenticated bool
	pending       string // a command line read already, to be run next
	done          bool   // the session is over once the replies are written
	linger        bool   // it ended in mid-stream: see that the last reply arrives

	messages, commands, errors, refusals, authFailures int

	mu      sync.Mutex
	waiting bool // for a command, so that shutdown may interrupt
	closing bool // shutdown has begun, or others need the seat
	crowded bool // it is the seat
}

// transaction is what the server itself keeps of a mail transaction.
type transaction struct {
	open       bool
	receiving  bool // the content is arriving
	utf8       bool
	from       gomail.Address
	recipients int
}

// faults counts what the client did wrong: errors, recipients that are not
// there, failed sign-ins.
func (c *conn) faults() int { return c.errors + c.refusals + c.authFailures }

func newConn(s *Server, seat *serve.Seat, nc net.Conn) *conn {
	c := &conn{srv: s, seat: seat, cfg: &s.cfg, raw: nc, net: nc, opened: time.Now()}
	c.client.Addr = serve.AddrPort(nc.RemoteAddr())
	c.client.Local = serve.AddrPort(nc.LocalAddr())
	c.log = s.cfg.Logger.With(slog.String("remote", remoteName(nc.RemoteAddr(), s.cfg.LMTP)))
	c.in = input{
		src:  nc,
		more: c.moreCommand,
		get:  func() *block { return s.blocks.Get().(*block) },
		put:  func(b *block) { s.blocks.Put(b) },
	}
	return c
}

// remoteName is who speaks with us, for the log.
func remoteName(a net.Addr, lmtp bool) string {
	if lmtp {
		return "LMTP socket"
	}
	return serve.AddrPort(a).String()
}

// serve runs the session. When soft ends it is asked to stop, when hard ends
// its connection is cut.
func (c *conn) serve(soft, hard context.Context) {
	ctx, cancel := context.WithCancel(hard)
	defer cancel()
	c.ending = soft.Done()
	defer context.AfterFunc(soft, func() { c.interrupt(context.Cause(soft) == serve.ErrCrowded) })()
	defer context.AfterFunc(hard, func() { c.raw.Close() })()
	defer c.recoverPanic() // of the backend's Close
	defer c.close()
	defer c.recoverPanic()

	if c.cfg.ImplicitTLS && !c.handshake(ctx) {
		return
	}
	if !c.greet(ctx) {
		return
	}
	for !c.done {
		c.step(ctx)
	}
}

// recoverPanic keeps a fault of one session from the others.
func (c *conn) recoverPanic() {
	if v := recover(); v != nil {
		c.log.Error("SMTP session panicked", "panic", v, "stack", string(debug.Stack()))
		c.send("", reply{code: 421, enhanced: "4.3.0", text: "internal error, try again later"})
	}
}

// close writes what is left to say and ends the backend's session and the
// connection.
func (c *conn) close() {
	defer c.raw.Close()
	defer c.in.release()
	if c.session != nil {
		defer c.session.Close()
	}
	c.flush()
	if c.linger {
		c.lingerClose()
	}
	c.net.Close()
}

// lingerClose gives the client time to read the last reply: closing with
// unread input would reset the connection and could take the reply away.
func (c *conn) lingerClose() {
	if t, ok := c.net.(*tls.Conn); ok {
		t.CloseWrite()
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.raw.SetReadDeadline(time.Now().Add(time.Second))
	io.CopyN(io.Discard, c.raw, 256<<10)
}

// greet opens the backend's session and says the banner, or why not.
func (c *conn) greet(ctx context.Context) bool {
	c.client.Received = c.opened
	session, err := c.srv.backend.NewSession(ctx, &c.client)
	if err != nil {
		c.send("", greetingFor(err))
		return false
	}
	c.session = session
	c.send("", reply{code: 220, text: c.cfg.Hostname + " " + protocolName(c.cfg.LMTP) + " ready"})
	return true
}

// step runs one command.
func (c *conn) step(ctx context.Context) {
	line, err := c.nextCommand()
	if err != nil {
		c.goodbye(err)
		return
	}
	verb, arg := splitCommand(line)
	before := c.faults()
	c.send(verb, c.execute(ctx, verb, arg))
	if n := c.faults(); n > before {
		c.tarpit(n)
	}
}

// nextCommand returns the next well-formed command line. Malformed ones are
// answered here. An error ends the session.
func (c *conn) nextCommand() (string, error) {
	if line := c.pending; line != "" {
		c.pending = ""
		return line, nil
	}
	for {
		if err := c.overLimit(); err != nil {
			return "", err
		}
		line, err := c.readLine(c.longestCommand())
		switch {
		case err == nil:
			c.commands++
			return line, nil
		case !isLineFault(err):
			return "", err
		}
		c.send("other", reply{code: 500, enhanced: "5.5.2", text: err.Error(), fault: true})
		if c.done {
			return "", io.EOF
		}
	}
}

// longestCommand is how long the next line may be. AUTH may come with a token,
// RFC 4954 section 4.
func (c *conn) longestCommand() int {
	if c.cfg.Submission && c.client.TLS != nil && !c.authenticated {
		return maxAuthLine
	}
	return maxCommandLine
}

func isLineFault(err error) bool {
	return err == errLineTooLong || err == errLineBareLF || err == errLineControl
}

func (c *conn) overLimit() error {
	switch {
	case c.isClosing() && !c.tx.receiving:
		return errClosing
	case c.commands >= c.cfg.MaxCommands:
		return errCommands
	case c.errors >= c.cfg.MaxErrors:
		return errErrors
	case c.refusals >= c.cfg.MaxRefusedRecipients:
		return errRefusals
	case c.authFailures >= c.cfg.MaxAuthFailures:
		return errSignIns
	}
	return nil
}

// readLine reads one line with its own deadline.
func (c *conn) readLine(limit int) (string, error) {
	c.deadline = time.Time{}
	line, err := c.in.line(limit)
	return string(line), err
}

// goodbye tells the client why the session ends, where it can still hear it.
func (c *conn) goodbye(err error) {
	c.done = true
	r := reply{code: 421, enhanced: "4.7.0", text: err.Error() + ", closing the connection"}
	switch {
	case err == errClosing && c.isCrowded():
		r.text = serve.ErrCrowded.Error() + ", try again later"
	case err == errClosing:
		r.enhanced = "4.3.2"
	case err == errTooSlow, errors.Is(err, os.ErrDeadlineExceeded):
		r.enhanced, r.text = "4.4.2", "timed out waiting for you, closing the connection"
		c.linger = c.tx.receiving && !c.isCrowded()
	case err == errFlooded:
		c.linger = true
	case err == errCommands, err == errErrors, err == errRefusals, err == errSignIns:
	default:
		c.log.Debug("SMTP connection ended", "err", err)
		return
	}
	c.log.Info("SMTP session ended by the server", "reason", err.Error())
	c.send("", r)
}

// splitCommand parts the verb, in upper case, from its argument.
func splitCommand(line string) (verb, arg string) {
	line = strings.TrimRight(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return strings.ToUpper(line[:i]), strings.TrimLeft(line[i:], " \t")
	}
	return strings.ToUpper(line), ""
}

// send appends a reply to those to be written, counts it, and does what else
// it asks for.
func (c *conn) send(verb string, r reply) {
	if r.code == 0 {
		return
	}
	c.out = r.append(c.out)
	if r.fault {
		c.errors++
	}
	if r.close {
		c.done = true
	}
	if verb != "" {
		c.cfg.Metrics.Reply(verbLabel(verb), r.code)
	}
	if len(c.out) > 8<<10 && c.flush() != nil {
		c.done = true
	}
}

// flush writes all replies at once. It runs before every wait for the client
// (so that pipelined commands get their replies in one write) and at the end.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.net.SetWriteDeadline(time.Now().Add(c.cfg.WriteTimeout))
	_, err := c.net.Write(c.out)
	if c.out = c.out[:0]; cap(c.out) > 1<<10 {
		c.out = nil
	}
	if err != nil {
		// Not wrapped: a time-out here is not the client being slow to
		// speak, and no 421 would reach it.
		return fmt.Errorf("writing replies: %v", err)
	}
	return nil
}
