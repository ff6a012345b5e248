package smtpd

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gomail"

	"go.uber.org/goleak"
)

// talker is a plain client for tests that need more than a transcript.
type talker struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func talk(t *testing.T, addr string) *talker {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &talker{t: t, Conn: c, r: bufio.NewReader(c)}
}

// expect reads one reply and checks how it begins.
func (c *talker) expect(prefix string) {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("%v, want %q", err, prefix)
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, prefix) {
			c.t.Fatalf("got %q, want %q", line, prefix)
		}
		return
	}
}

func (c *talker) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *talker) expectEnd() {
	c.t.Helper()
	if b, err := io.ReadAll(c.r); err != nil || len(b) > 0 {
		c.t.Fatalf("%q, %v; want the end", b, err)
	}
}

func TestShutdown(t *testing.T) {
	defer goleak.VerifyNone(t)
	b := &recorder{}
	addr, stop := startServerStop(t, Config{Hostname: "mx.example.com"}, b)

	idle, between, inData, inChunks := talk(t, addr), talk(t, addr), talk(t, addr), talk(t, addr)
	idle.expect("220")
	between.expect("220")
	between.say("EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<anna@example.com>\r\n")
	between.expect("250")
	between.expect("250")
	between.expect("250")
	inData.expect("220")
	inData.say(toData)
	inData.expect("250")
	inData.expect("250")
	inData.expect("250")
	inData.expect("354")
	inChunks.expect("220")
	inChunks.say("EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<anna@example.com>\r\nBDAT 3\r\nabc")
	for range 4 {
		inChunks.expect("250")
	}

	stopped := make(chan error)
	go func() { stopped <- stop() }()
	idle.expect("421 4.3.2")
	idle.expectEnd()
	between.expect("421 4.3.2")
	between.expectEnd()
	inData.say("text\r\n.\r\nNOOP\r\n")
	inData.expect("250 2.0.0 queued as 1")
	inData.expect("421 4.3.2")
	inChunks.say("BDAT 2 LAST\r\nde")
	inChunks.expect("250 2.0.0 queued as 1")
	inChunks.expect("421 4.3.2")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the server still listens")
	}
}

// TestShutdownGrace cuts a message that does not end.
func TestShutdownGrace(t *testing.T) {
	defer goleak.VerifyNone(t)
	addr, stop := startServerStop(t, Config{Hostname: "mx.example.com", ShutdownGrace: 10 * time.Millisecond}, &recorder{})
	c := talk(t, addr)
	c.say(toData + "never ending")
	for _, code := range []string{"220", "250", "250", "250", "354"} {
		c.expect(code)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestShutdownHandshake ends a session that waits for TLS to begin.
func TestShutdownHandshake(t *testing.T) {
	defer goleak.VerifyNone(t)
	addr, stop := startServerStop(t, Config{Hostname: "mx.example.com", TLS: testTLS(t), ImplicitTLS: true}, &recorder{})
	c := talk(t, addr)
	c.say("\x16")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Hostname: "mx.example.com"}, &recorder{})
	done := make(chan error)
	go func() { done <- s.Serve(t.Context(), l) }()
	c := talk(t, l.Addr().String())
	c.expect("220")
	l.Close()
	c.expect("421 4.3.2")
	if err := <-done; err == nil {
		t.Error("no error of a closed listener")
	}
}

func TestConnectionLimits(t *testing.T) {
	var refused []string
	cfg := Config{
		Hostname: "mx.example.com", MaxConnectionsPerAddress: 2, MaxConnections: 3,
		Metrics: Metrics{Refused: func(reason string) { refused = append(refused, reason) }},
	}
	addr, stop := startServerStop(t, cfg, &recorder{})
	first, second := talk(t, addr), talk(t, addr)
	first.expect("220")
	second.expect("220")
	third := talk(t, addr)
	third.expect("421 4.7.0 mx.example.com too many connections from your address")
	third.expectEnd()
	first.say("QUIT\r\n")
	first.expect("221")
	first.expectEnd()
	for { // the count falls once the session has ended, a little later
		c := talk(t, addr)
		line, err := c.r.ReadString('\n')
		if err == nil && strings.HasPrefix(line, "220") {
			break
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(refused) == 0 || refused[0] != "address" {
		t.Errorf("refused %q", refused)
	}
}

func TestGreetingErrors(t *testing.T) {
	for _, test := range []struct {
		kind gomail.Kind
		want string
	}{
		{gomail.Refused, "554 5.7.1 the reason"}, {gomail.Throttled, "421 4.7.0 the reason"},
		{gomail.Closed, "421 4.3.2"}, {gomail.Internal, "421 4.7.0 internal error"},
	} {
		addr := startServer(t, Config{Hostname: "mx.example.com"}, &recorder{greeting: gomail.Errorf(test.kind, "the reason")})
		c := talk(t, addr)
		c.expect(test.want)
		c.expectEnd()
	}
}

// TestPanicIsLonely shows that other sessions go on when one panics.
func TestPanicIsLonely(t *testing.T) {
	addr := startServer(t, Config{Hostname: "mx.example.com"}, &recorder{})
	a, b := talk(t, addr), talk(t, addr)
	a.expect("220")
	b.expect("220")
	a.say("EHLO a\r\nMAIL FROM:<panic@example.net>\r\n")
	a.expect("250")
	a.expect("421 4.3.0")
	a.expectEnd()
	b.say("NOOP\r\n")
	b.expect("250")
}
