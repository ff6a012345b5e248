package mxsend

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gomail/queue"
	"gomail/tlspolicy"
)

// client is a connection to a server that has greeted us.
type client struct {
	s    *Sender
	key  string     // in the pool
	via  *Smarthost // nil: a domain's own server
	host string
	addr netip.Addr
	conn net.Conn
	r    *bufio.Reader

	policy    policy             // what was asked of it
	security  queue.Security     // what it has
	flaw      *tlspolicy.Failure // why that is not what the policy asks for; nil: it is
	local     net.Addr           // our side
	mechanism string             // by which we signed in, empty: we did not
	ext       extensions
	messages  int  // transactions begun
	dirty     bool // a transaction may be open
	broken    bool // not to be used again
	timer     *time.Timer
}

// extensions are what the server has said to EHLO.
type extensions struct {
	known                                     bool // the server has answered
	requireTLS                                bool
	pipelining, eightBit, utf8, dsn, starttls bool
	sized                                     bool
	size                                      int64 // limit in octets, 0: none said
	deliverBy                                 bool
	minBy                                     int             // seconds, the least by-time for mode R
	rcptMax, mailMax                          int             // LIMITS, 0: none said
	auth                                      map[string]bool // mechanisms, in upper case
}

// remote names the server in results.
func (c *client) remote() string { return c.host + " [" + c.addr.String() + "]" }

// connect opens a connection and greets, in TLS where the server has it. A
// handshake that fails is followed by one try in plain text (RFC 7435), except
// where something demands TLS.
func (s *Sender) connect(ctx context.Context, r route, p policy, host string, addr netip.Addr) (*client, *failure) {
	c, err := s.open(ctx, r, p, host, addr, true)
	if flaw, counted := p.outcomeOf(c, err); counted && ctx.Err() == nil {
		s.count(r, p, host, c, flaw)
	}
	if isTLSError(err) && p.level == anyTLS {
		s.cfg.Logger.Info("TLS failed, trying in plain text", "remote", host, "addr", addr, "err", err)
		why := "TLS failed: " + cleanText(clip(err.Error(), maxReplyText))
		c, err = s.open(ctx, r, p, host, addr, false)
		if err == nil {
			c.security.Why = why
		}
	}
	if err != nil {
		if isTLSError(err) && r.smarthost == nil {
			err = p.demands(err)
		}
		f := failureOf(err, host+" ["+addr.String()+"]")
		f.policy = p.describe()
		if c != nil {
			f.security = c.security
		}
		return nil, f
	}
	s.watchOffer(ctx, c)
	return c, nil
}

// open makes one connection, from the dialing to the last EHLO. What is
// returned with an error is closed, and only tells how far it came.
func (s *Sender) open(ctx context.Context, r route, p policy, host string, addr netip.Addr, withTLS bool) (*client, error) {
	dialing, cancel := context.WithTimeout(ctx, s.cfg.Timeouts.Connect)
	defer cancel()
	conn, err := s.cfg.Dial(dialing, "tcp", netip.AddrPortFrom(addr, uint16(r.port)).String())
	if err != nil {
		return nil, &connectError{err}
	}
	c := &client{s: s, key: r.key(host, p), via: r.smarthost, host: host, addr: addr, policy: p, local: conn.LocalAddr()}
	c.use(conn)
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := c.begin(ctx, r, withTLS); err != nil {
		c.conn.Close()
		return c, err
	}
	return c, nil
}

func (c *client) use(conn net.Conn) {
	c.conn = conn
	c.r = bufio.NewReaderSize(conn, maxReplyLine)
}

// begin runs the opening of a session, RFC 5321 section 3.1 and 3.2.
func (c *client) begin(ctx context.Context, r route, withTLS bool) error {
	if r.implicitTLS() {
		if err := c.handshake(ctx, r); err != nil {
			return err
		}
	}
	greeting, err := c.read(c.s.cfg.Timeouts.Greeting)
	if err != nil {
		return fmt.Errorf("waiting for the greeting: %w", err)
	}
	if !greeting.ok() {
		return &replyError{"the greeting", greeting}
	}
	if err := c.hello(); err != nil {
		return err
	}
	if withTLS && c.ext.starttls && c.security.Version == "" {
		if err := c.starttls(ctx, r); err != nil {
			return err
		}
	}
	if c.security.Version == "" && c.security.Why == "" {
		c.security.Why = errNotOffered.Error()
	}
	switch {
	case c.security.Version != "" || c.policy.level == anyTLS:
		return c.signIn()
	case r.smarthost != nil:
		return errNoTLS
	}
	return &policyError{"4.7.4", fmt.Sprintf("%s, and TLS is demanded by %s", c.security.Why, c.policy.asks)}
}

// hello says EHLO, or HELO to servers that do not know it.
func (c *client) hello() error {
	timeout := c.s.cfg.Timeouts.Hello
	r, err := c.command(timeout, "EHLO "+c.s.cfg.Hostname)
	if err != nil {
		return fmt.Errorf("EHLO: %w", err)
	}
	if r.code/100 == 5 {
		if r, err = c.command(timeout, "HELO "+c.s.cfg.Hostname); err != nil {
			return fmt.Errorf("HELO: %w", err)
		}
		r.lines = nil
	}
	if !r.ok() {
		return &replyError{"EHLO", r}
	}
	c.ext = parseExtensions(r.lines)
	return nil
}

// parseExtensions reads the lines of the reply to EHLO but the first.
func parseExtensions(lines []string) (ext extensions) {
	ext.known = true
	for i, line := range lines {
		words := strings.Fields(line)
		if i == 0 || len(words) == 0 {
			continue
		}
		switch strings.ToUpper(words[0]) {
		case "PIPELINING":
			ext.pipelining = true
		case "8BITMIME":
			ext.eightBit = true
		case "SMTPUTF8":
			ext.utf8 = true
		case "DSN":
			ext.dsn = true
		case "STARTTLS":
			ext.starttls = true
		case "REQUIRETLS":
			ext.requireTLS = true
		case "DELIVERBY":
			ext.deliverBy = true
			if len(words) > 1 {
				ext.minBy, _ = strconv.Atoi(words[1])
			}
		case "SIZE":
			ext.sized = true
			if len(words) > 1 {
				ext.size, _ = strconv.ParseInt(words[1], 10, 64)
			}
		case "AUTH":
			for _, w := range words[1:min(len(words), maxMechanisms)] {
				if ext.auth == nil {
					ext.auth = map[string]bool{}
				}
				ext.auth[strings.ToUpper(w)] = true
			}
		case "LIMITS":
			ext.limits(words[1:])
		}
	}
	return ext
}

// limits reads RFC 9422's parameters; what is out of range is ignored.
func (ext *extensions) limits(words []string) {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 {
			continue
		}
		switch strings.ToUpper(name) {
		case "RCPTMAX":
			ext.rcptMax = n
		case "MAILMAX":
			ext.mailMax = n
		}
	}
}

// command writes one line and reads its reply.
func (c *client) command(timeout time.Duration, line string) (reply, error) {
	if err := c.write(timeout, []byte(line+"\r\n")); err != nil {
		return reply{}, err
	}
	return c.read(timeout)
}

func (c *client) write(timeout time.Duration, b []byte) error {
	c.conn.SetWriteDeadline(time.Now().Add(timeout))
	_, err := c.conn.Write(b)
	return err
}

// read reads one reply. After an error or 421 the connection is of no use.
func (c *client) read(timeout time.Duration) (reply, error) {
	c.conn.SetReadDeadline(time.Now().Add(timeout))
	r, err := readReply(c.r)
	if err != nil || r.code == 421 {
		c.broken = true
	}
	return r, err
}

// exhausted reports whether no further transaction may begin.
func (c *client) exhausted() bool {
	limit := c.s.cfg.MaxMessages
	if c.ext.mailMax > 0 {
		limit = min(limit, c.ext.mailMax)
	}
	return c.broken || c.messages >= limit
}

// release keeps the connection for another delivery, or ends it.
func (c *client) release() {
	if c.exhausted() {
		c.quit()
		return
	}
	if c.clean(c.s.cfg.Timeouts.Quit) != nil {
		c.conn.Close()
		return
	}
	c.s.pool.put(c)
}

// clean ends the transaction that a refusal has left open.
func (c *client) clean(timeout time.Duration) error {
	if !c.dirty {
		return nil
	}
	r, err := c.command(timeout, "RSET")
	if err != nil {
		return fmt.Errorf("RSET: %w", err)
	}
	if !r.ok() {
		return &replyError{"RSET", r}
	}
	c.dirty = false
	return nil
}

// quit ends the connection, politely if the session is in step.
func (c *client) quit() {
	if !c.broken {
		c.command(c.s.cfg.Timeouts.Quit, "QUIT")
		c.conn.SetDeadline(time.Now().Add(c.s.cfg.Timeouts.Quit)) // for TLS's own farewell
	}
	c.conn.Close()
}

// replyError is a refusal of the whole session.
type replyError struct {
	step  string
	reply reply
}

func (e *replyError) Error() string {
	return fmt.Sprintf("%s was refused: %d %s %s", e.step, e.reply.code, e.reply.enhanced, e.reply.text)
}

// connectError is a server that does not answer at all.
type connectError struct{ err error }

func (e *connectError) Error() string { return "connecting: " + e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// failureOf turns an error of a connection into a failure. Only a reply can
// be permanent.
func failureOf(err error, remote string) *failure {
	if e, ok := err.(*replyError); ok {
		f := failure{outcome: queue.Temporary, code: e.reply.code, enhanced: e.reply.enhanced, text: e.step + ": " + e.reply.text, remote: remote}
		if e.reply.code/100 == 5 {
			f.outcome = queue.Permanent
		}
		return &f
	}
	f := failure{outcome: queue.Temporary, enhanced: "4.4.2", text: cleanText(clip(err.Error(), maxReplyText)), remote: remote}
	switch e := err.(type) {
	case *connectError:
		f.enhanced = "4.4.1"
	case *policyError:
		f.enhanced, f.insisted = e.enhanced, true
	}
	return &f
}

// tlsVersion is the IANA's name without the space: "TLS1.3".
func tlsVersion(state tls.ConnectionState) string {
	return strings.ReplaceAll(tls.VersionName(state.Version), " ", "")
}
