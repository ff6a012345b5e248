package pop3d

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"gomail"
	"gomail/internal/serve"
	"gomail/mailbox"
)

// session is one connection. All but interrupt runs in its own goroutine.
type session struct {
	srv *Server
	cfg *Config
	log *slog.Logger
	ctx context.Context // ends when the connection is cut

	seat   *serve.Seat
	raw    net.Conn // as accepted
	net    net.Conn // raw, or TLS over it
	remote netip.Addr
	tls    bool
	in     *bufio.Reader
	out    *bufio.Writer

	opened       time.Time
	username     string           // as USER gave it
	account      *mailbox.Account // nil: not signed in
	drop         *maildrop        // of the account
	errors       int
	authFailures int
	done         bool // over, once what was written is flushed

	mu      sync.Mutex
	waiting bool // for a command, so that shutdown may interrupt
	closing bool // shutdown has begun, or others need the seat
}

// readBuffer holds the longest line: an answer in a sign-in by token.
const readBuffer = 16 << 10

func newSession(srv *Server, seat *serve.Seat, nc net.Conn) *session {
	s := &session{srv: srv, seat: seat, cfg: &srv.cfg, raw: nc, net: nc, remote: serve.AddrPort(nc.RemoteAddr()).Addr(), opened: time.Now()}
	s.log = srv.cfg.Logger.With(slog.String("remote", nc.RemoteAddr().String()))
	return s
}

// serve runs the session. When soft ends it is asked to stop, when hard ends
// its connection is cut.
func (s *session) serve(soft, hard context.Context) {
	ctx, cancel := context.WithCancel(hard)
	defer cancel()
	s.ctx = ctx
	defer context.AfterFunc(soft, s.interrupt)()
	defer context.AfterFunc(hard, func() { s.raw.Close() })()
	defer s.shut()
	defer s.recoverPanic()

	if s.cfg.ImplicitTLS && !s.handshake() {
		return
	}
	s.buffers()
	s.ok(s.cfg.Hostname + " GoMail ready")
	for !s.done {
		s.step()
	}
}

// buffers begins to read and write, plain or over the TLS that was put there.
func (s *session) buffers() {
	s.in = bufio.NewReaderSize(s.net, readBuffer)
	s.out = bufio.NewWriterSize(bounded{s}, 16<<10)
}

// bounded bounds each write by the time that a client has to take it.
type bounded struct{ s *session }

func (b bounded) Write(p []byte) (int, error) {
	b.s.raw.SetWriteDeadline(time.Now().Add(b.s.cfg.WriteTimeout))
	return b.s.net.Write(p)
}

// recoverPanic keeps a fault of one session from the others.
func (s *session) recoverPanic() {
	if v := recover(); v != nil {
		s.log.Error("POP3 session panicked", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		s.fail("SYS/TEMP", "Internal error, it has been logged")
	}
}

// shut writes what is left to say and closes the connection.
func (s *session) shut() {
	if s.out != nil {
		s.out.Flush()
	}
	if t, ok := s.net.(*tls.Conn); ok {
		t.CloseWrite()
	}
	s.net.Close()
	s.raw.Close()
}

// interrupt asks the session to end when it next waits for a command, and
// wakes it if it does now.
func (s *session) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	if s.waiting {
		s.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// errClosing ends a session that waits when shutdown begins.
var errClosing = errors.New("the server is shutting down")

// wait gives the client what was written for it and bounds the next read.
func (s *session) wait() error {
	if came, _ := s.in.Peek(s.in.Buffered()); bytes.IndexByte(came, '\n') >= 0 { // another command is there already (RFC 2449 section 6.6)
		return nil
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	deadline := time.Now().Add(s.cfg.IdleTimeout)
	if limit := s.opened.Add(s.cfg.AuthTimeout); s.account == nil && limit.Before(deadline) {
		deadline = limit
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return errClosing
	}
	s.waiting = true
	return s.raw.SetReadDeadline(deadline)
}

// errLong is a line that is longer than it may be.
var errLong = gomail.Errorf(gomail.TooLarge, "The line is too long")

// maxPassedOver is how much of a line that is too long is read past.
const maxPassedOver = 1 << 20

// readLine reads a line without its line break. One over the limit is passed
// over and is errLong.
func (s *session) readLine(limit int) (string, error) {
	if err := s.wait(); err != nil {
		return "", err
	}
	line, err := s.in.ReadSlice('\n')
	s.mu.Lock()
	s.waiting = false
	closing := s.closing
	s.mu.Unlock()
	if closing && err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return "", errClosing
	}
	for passed := len(line); errors.Is(err, bufio.ErrBufferFull); passed += len(line) {
		if passed > maxPassedOver {
			return "", err
		}
		if line, err = s.in.ReadSlice('\n'); err == nil {
			return "", errLong
		}
	}
	if err != nil {
		return "", err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > limit {
		return "", errLong
	}
	return string(line), nil
}

// handshake puts TLS over the connection, within the time for signing in.
func (s *session) handshake() bool {
	deadline := s.opened.Add(s.cfg.AuthTimeout)
	s.raw.SetDeadline(deadline)
	conn := tls.Server(s.raw, s.cfg.TLS)
	if err := conn.HandshakeContext(s.ctx); err != nil {
		s.log.Info("TLS handshake failed", slog.Any("error", err))
		return false
	}
	s.net, s.tls = conn, true
	return true
}

// ok answers that it went well.
func (s *session) ok(text string) {
	s.out.WriteString("+OK " + text + "\r\n")
}

// fail answers that it did not, with a response code of RFC 2449 section 8
// where there is one.
func (s *session) fail(code, text string) {
	if s.out == nil {
		return
	}
	if code != "" {
		text = "[" + code + "] " + text
	}
	s.out.WriteString("-ERR " + text + "\r\n")
}

// line writes a line of an answer of several.
func (s *session) line(parts ...int64) {
	for i, n := range parts {
		if i > 0 {
			s.out.WriteByte(' ')
		}
		s.out.WriteString(strconv.FormatInt(n, 10))
	}
	s.out.WriteString("\r\n")
}

// end ends an answer of several lines.
func (s *session) end() { s.out.WriteString(".\r\n") }
