package imapd

import (
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/internal/serve"
	"gomail/mailbox"
)

// errClosing ends a session that waits when shutdown begins.
var errClosing = errors.New("the server is shutting down")

// session is one connection. All but interrupt and wake runs in its own goroutine.
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
	in     imapwire.Input
	out    imapwire.Output
	dec    imapwire.Decoder

	opened       time.Time
	user         *mailbox.Account // nil: not signed in
	view         *view            // nil: no mailbox is selected
	rev2         bool             // ENABLE IMAP4rev2
	condstore    bool             // RFC 7162 section 3.1
	qresync      bool             // RFC 7162 section 3.2
	uidOnly      bool             // RFC 9586
	compressed   bool             // COMPRESS DEFLATE
	badCharset   bool             // the SEARCH at hand names a charset that is not known
	errors       int
	authFailures int
	tag          string         // of the command at hand
	notify       *notifications // nil: NOTIFY was not used
	holdExpunges bool           // it is not the time to tell of them
	work         progress       // of the command at hand
	lastWords    string         // why the session ends after this command
	done         bool           // over, once what was written is flushed

	mu        sync.Mutex
	waiting   bool // for a command, so that shutdown may interrupt
	listening bool // and so may what changes
	changed   bool // something has, since that was last asked
	closing   bool // shutdown has begun, or others need the seat
	crowded   bool // it is the seat; set before closing can be seen
}

// Limits on commands before and after sign-in.
const (
	greetedCommand  = 12 << 10 // room for a token, as SMTP has
	greetedLiteral  = 4 << 10
	signedInCommand = 64 << 10
)

func newSession(srv *Server, seat *serve.Seat, nc net.Conn) *session {
	s := &session{srv: srv, seat: seat, cfg: &srv.cfg, raw: nc, net: nc, remote: serve.AddrPort(nc.RemoteAddr()).Addr(), opened: time.Now()}
	s.log = srv.cfg.Logger.With(slog.String("remote", nc.RemoteAddr().String()))
	s.in = imapwire.Input{Source: nc, Wait: s.wait, Blocks: &srv.blocks}
	s.out = imapwire.Output{Target: nc, Ready: s.beforeWrite, Blocks: &srv.blocks}
	s.dec = imapwire.Decoder{In: &s.in, Continue: func() { s.out.Text("+ Ready for the literal\r\n") }}
	s.dec.Limits = imapwire.Limits{Command: greetedCommand, Literal: greetedLiteral, Discard: signedInCommand}
	return s
}

// serve runs the session. When soft ends it is asked to stop, when hard ends
// its connection is cut.
func (s *session) serve(soft, hard context.Context) {
	s.ctx = hard
	defer context.AfterFunc(soft, func() { s.interrupt(context.Cause(soft) == serve.ErrCrowded) })()
	defer context.AfterFunc(hard, func() { s.raw.Close() })()
	defer s.shut()
	defer s.recoverPanic()

	if s.cfg.ImplicitTLS && !s.handshake() {
		return
	}
	s.untagged("OK", "CAPABILITY "+s.capabilities(), s.cfg.Hostname+" GoMail ready")
	for !s.done {
		s.step()
	}
}

// recoverPanic keeps a fault of one session from the others.
func (s *session) recoverPanic() {
	if v := recover(); v != nil {
		s.log.Error("IMAP session panicked", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		s.bye("SERVERBUG", "Internal error, it has been logged")
	}
}

// shut writes what is left to say and closes the connection.
func (s *session) shut() {
	defer s.raw.Close()
	s.closeWatch()
	if s.user != nil {
		s.log.Info("IMAP session ended", slog.Duration("lasted", time.Since(s.opened)), slog.Int("errors", s.errors))
	}
	s.out.Flush()
	s.in.Release()
	s.closeGently()
	s.net.Close()
}

// closeGently gives the client time to read the last response: closing with
// unread input would reset the connection and could take the response away.
func (s *session) closeGently() {
	if t, ok := s.net.(*tls.Conn); ok {
		t.CloseWrite()
	}
	half, ok := s.raw.(interface{ CloseWrite() error })
	if !ok || s.out.Err() != nil || half.CloseWrite() != nil {
		return
	}
	s.raw.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	io.CopyN(io.Discard, s.raw, 64<<10)
}

// broken reports whether err is the connection's, which nothing can be said
// on any more, or the end of waiting.
func (s *session) broken(err error) bool {
	if err == nil {
		return false
	}
	if s.out.Err() != nil || errors.Is(err, errClosing) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrNoProgress) {
		return true
	}
	var op *net.OpError
	var record tls.RecordHeaderError
	var corrupt flate.CorruptInputError // nothing can be read after it either
	return errors.As(err, &op) || errors.As(err, &record) || errors.As(err, &corrupt)
}

// ended ends the session after its connection has failed, or after it waited
// for too long.
func (s *session) ended(err error) {
	switch {
	case errors.Is(err, errClosing) && s.crowded:
		s.bye("UNAVAILABLE", "Too many are connected, and you have not signed in: try again later")
	case errors.Is(err, errClosing):
		s.bye("UNAVAILABLE", "The server is shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded) && s.user == nil:
		s.bye("", "You took too long to sign in")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("", "You were idle for too long")
	}
	s.done = true
}

// signIn makes the session an account's.
func (s *session) signIn(account gomail.AccountID) {
	s.user = s.srv.boxes.Account(account)
	s.seat.Keep()
	s.log = s.log.With(slog.Int64("account", int64(account)))
	s.dec.Limits = imapwire.Limits{Command: signedInCommand, Literal: signedInCommand, Discard: 2 * s.cfg.MaxMessageSize}
}
