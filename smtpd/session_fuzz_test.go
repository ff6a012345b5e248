package smtpd

import (
	"bytes"
	"context"
	"gomail/internal/serve"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
)

// memoryConn gives its input in blocks and keeps what is written.
type memoryConn struct {
	in    []byte
	block int
	out   bytes.Buffer
}

func (c *memoryConn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.in[:min(len(c.in), c.block)])
	c.in = c.in[n:]
	return n, nil
}

func (c *memoryConn) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *memoryConn) Close() error                { return nil }
func (c *memoryConn) LocalAddr() net.Addr         { return &net.TCPAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[::1]:1"))
}
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

var replyLine = regexp.MustCompile(`^[2345][0-9][0-9][ -][ -~]*$`)

// FuzzSession feeds a whole session. Whatever the client says: the session
// ends, every reply is well-formed, and content reaches the backend only in
// whole lines.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"EHLO a\r\nMAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<a@example.com> NOTIFY=NEVER\r\nDATA\r\n..x\r\n.\r\nQUIT\r\n",
		"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\n\r\nRSET\r\n",
		"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@example.com>\r\nBDAT 3\r\nabcNOOP\r\nRSET\r\nBDAT 1\r\nxQUIT\r\n",
		"AUTH PLAIN\r\n*\r\nSTARTTLS\r\nGET / HTTP/1.1\r\n", "NOOP\nNOOP\r\n\x00\r\n", "\x16\x03\x01",
		"EHLO a\r\nMAIL FROM:<early@b>\r\nRCPT TO:<a@example.com>\r\nDATA\r\na\nb\r\n.\r\n",
	} {
		f.Add([]byte(s), uint16(7))
		f.Add([]byte(s), uint16(600))
	}
	fuzzSession(f, Config{Hostname: "mx.example.com", MaxMessageSize: 1000})
}

// FuzzLMTP does the same with LMTP, whose messages have several replies.
func FuzzLMTP(f *testing.F) {
	for _, s := range []string{
		"LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
		"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<end-full@example.com>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\n\r\nRSET\r\n",
		"EHLO a\r\nLHLO\r\nDATA\r\nBDAT 1 LAST\r\nx",
	} {
		f.Add([]byte(s), uint16(7))
	}
	fuzzSession(f, Config{Hostname: "mx.example.com", MaxMessageSize: 1000, LMTP: true})
}

// fuzzSession runs sessions of what the fuzzer makes.
func fuzzSession(f *testing.F, cfg Config) {
	f.Fuzz(func(t *testing.T, input []byte, block uint16) {
		nc := &memoryConn{in: input, block: int(block) + 1}
		b := &recorder{onData: func(r io.Reader) (string, error) {
			data, err := io.ReadAll(r)
			if err == nil {
				checkContent(t, data)
			}
			return "ok", err
		}}
		s := New(cfg, b)
		c := newConn(s, new(serve.Seat), nc)
		c.serve(context.Background(), context.Background())
		checkReplies(t, nc.out.String())
		if c.in.block != nil {
			t.Error("the session kept a block")
		}
	})
}

func checkContent(t *testing.T, data []byte) {
	plain := bytes.ReplaceAll(data, []byte("\r\n"), nil)
	if bytes.ContainsAny(plain, "\r\n\x00") || len(data) > 1000 {
		t.Errorf("the backend was given %q", data)
	}
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\r\n")) {
		t.Errorf("the backend was given %q, which does not end a line", data)
	}
}

func checkReplies(t *testing.T, out string) {
	lines := strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n")
	for _, line := range lines {
		if !replyLine.MatchString(line) || len(line) > 510 {
			t.Errorf("the reply line %q is malformed", line)
		}
	}
	if last := lines[len(lines)-1]; len(last) > 3 && last[3] == '-' {
		t.Errorf("the last reply ends with a continuation: %q", last)
	}
}

func FuzzReply(f *testing.F) {
	f.Add("a\r\n250 b", 550)
	f.Add(strings.Repeat("long ", 300), 250)
	f.Fuzz(func(t *testing.T, text string, code int) {
		r := reply{code: 200 + (code%400+400)%400, enhanced: "5.0.0", text: text}
		out := string(r.append(nil))
		if !strings.HasSuffix(out, "\r\n") {
			t.Fatalf("%q does not end in CRLF", out)
		}
		checkReplies(t, out)
	})
}

func FuzzPath(f *testing.F) {
	f.Add(`<"a>\"b"@c> SIZE=1`)
	f.Add(`<@a,@b:c@d>`)
	f.Fuzz(func(t *testing.T, s string) {
		path, rest, ok := cutPath(s)
		if !ok {
			return
		}
		if "<"+path+">"+rest != s {
			t.Fatalf("%q was cut to %q and %q", s, path, rest)
		}
		a, err := parsePath(path)
		if err != nil {
			return
		}
		again, err := parsePath(a.String())
		if err != nil || again != a {
			t.Fatalf("%q was read as %v, and that as %v, %v", path, a, again, err)
		}
		params, err := parseParams(rest)
		if err == nil && len(params) > maxParams {
			t.Fatal("too many parameters")
		}
	})
}
