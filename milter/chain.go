package milter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-milter"

	"gomail"
)

// Config is how milters are asked.
type Config struct {
	Hostname string        // what this server is called, the macro j
	Timeout  time.Duration // for each answer, and to connect; 0: 30 seconds
	MaxBytes int64         // of all answers to one message; 0: 64 MiB
	Accept   bool          // take mail without a milter that is away; else it is refused for now
	Logger   *slog.Logger  // nil: nothing is logged
}

// maxMessageTime bounds what one message may take at one milter, however often
// it says that it is making progress.
const maxMessageTime = 10 * time.Minute

// Chain asks several milters, each about what the one before has made of the
// message.
type Chain struct {
	config  Config
	milters []address
}

type address struct{ network, address string }

func (a address) String() string { return a.network + ":" + a.address }

// ParseAddress reads where a milter listens: "unix:/run/opendkim/opendkim.sock"
// or "inet:127.0.0.1:11332".
func ParseAddress(s string) (network, addr string, err error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch kind {
	case "unix", "local":
		if strings.HasPrefix(rest, "/") {
			return "unix", rest, nil
		}
	case "inet", "inet6", "tcp":
		if host, port, err := net.SplitHostPort(rest); err == nil && host != "" && port != "" && port != "0" {
			return "tcp", rest, nil
		}
	}
	return "", "", gomail.Errorf(gomail.Invalid, "%q is not where a milter listens: write unix:/run/opendkim/opendkim.sock or inet:127.0.0.1:11332", s)
}

// New returns a chain of milters at addresses as ParseAddress reads them.
func New(c Config, addresses ...string) (*Chain, error) {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	chain := &Chain{config: c}
	for _, s := range addresses {
		network, addr, err := ParseAddress(s)
		if err != nil {
			return nil, err
		}
		chain.milters = append(chain.milters, address{network, addr})
	}
	return chain, nil
}

// Empty reports whether there is nobody to ask.
func (c *Chain) Empty() bool { return c == nil || len(c.milters) == 0 }

// Client is whom the milters hear of.
type Client struct {
	Addr       netip.AddrPort
	Helo       string
	TLS        *gomail.TLSInfo
	Account    string // the address that signed in, empty: nobody did
	ID         string // of the message, the macro i
	Submission bool
}

// Begin opens a conversation with every milter about one message and tells them
// who sends it. A milter that will not have the client at all refuses here:
// Refused or Unavailable.
func (c *Chain) Begin(ctx context.Context, client Client, from gomail.Address) (*Message, error) {
	m := &Message{chain: c}
	for _, a := range c.milters {
		t := &talk{chain: c, at: a, client: client}
		m.talks = append(m.talks, t)
		if err := t.begin(ctx, from); err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// open connects to a milter: by version 6 of the protocol, or by version 2 where
// that is all it knows.
func (t *talk) open(ctx context.Context) error {
	err := t.openWith(ctx, protocol)
	if errors.Is(err, milter.ErrUnsupportedMilterVersion) {
		err = t.openWith(ctx, protocol&version2)
	}
	return err
}

func (t *talk) openWith(ctx context.Context, protocol milter.OptProtocol) error {
	cfg := t.chain.config
	ctx, cancel := context.WithTimeout(ctx, maxMessageTime)
	dialer := limitedDialer{ctx: ctx, timeout: cfg.Timeout, most: cfg.MaxBytes}
	session, err := milter.NewClientWithOptions(t.at.network, t.at.address, milter.ClientOptions{
		Dialer: &dialer, ReadTimeout: cfg.Timeout, WriteTimeout: cfg.Timeout, ActionMask: actions, ProtocolMask: protocol,
	}).Session()
	if err != nil {
		cancel()
		dialer.close()
		return err
	}
	t.session = session
	t.end = func() { session.Close(); dialer.close(); cancel() }
	return nil
}

// version2 is what version 2 of the protocol knows.
const version2 = 0x7f

// actions are what milters may do with us, protocol is what they may leave out.
const (
	actions = milter.OptAddHeader | milter.OptChangeBody | milter.OptAddRcpt | milter.OptRemoveRcpt | milter.OptChangeHeader | milter.OptQuarantine

	protocol = milter.OptNoConnect | milter.OptNoHelo | milter.OptNoMailFrom | milter.OptNoRcptTo | milter.OptNoBody | milter.OptNoHeaders |
		milter.OptNoEOH | milter.OptNoUnknown | milter.OptNoData | milter.OptNoHeaderReply | milter.OptNoConnReply | milter.OptNoHeloReply |
		milter.OptNoMailReply | milter.OptNoRcptReply | milter.OptNoDataReply | milter.OptNoUnknownReply | milter.OptNoEOHReply |
		milter.OptNoBodyReply | milter.OptHeaderLeadingSpace
)

// limitedDialer connects once, and bounds what that connection may take.
type limitedDialer struct {
	ctx     context.Context
	timeout time.Duration
	most    int64
	conn    *limitedConn
}

// Dial implements milter.Dialer.
func (d *limitedDialer) Dial(network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: d.timeout}).DialContext(d.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	d.conn = &limitedConn{Conn: conn, left: d.most}
	d.conn.stop = context.AfterFunc(d.ctx, func() { conn.Close() })
	return d.conn, nil
}

// close closes the connection, which the library leaves open after errors.
func (d *limitedDialer) close() {
	if d.conn != nil {
		d.conn.stop()
		d.conn.Conn.Close()
	}
}

// limitedConn ends when the other side has said too much.
type limitedConn struct {
	net.Conn
	left int64
	stop func() bool
}

// Read reads within the limit.
func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("the milter says more than is read of one")
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
