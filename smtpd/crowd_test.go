package smtpd

import (
	"bufio"
	"net"
	"testing"
	"time"
)

// When all connections are taken by one neighbourhood, those that did nothing
// useful make room for others and are told why; so does one whose message
// hardly arrives.
func TestCrowdMakesRoom(t *testing.T) {
	addr := startServer(t, Config{Hostname: "mx.example.com", MaxConnections: 4}, &recorder{})
	slow, silent, busy, last := talk(t, addr), talk(t, addr), talk(t, addr), talk(t, addr)
	for _, c := range []*talker{slow, silent, busy, last} {
		c.expect("220")
	}
	slow.say("EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n")
	for _, code := range []string{"250", "250", "250", "354"} {
		slow.expect(code)
	}
	time.Sleep(1100 * time.Millisecond) // a crowd is borne with for a second
	busy.say("EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n")
	for _, code := range []string{"250", "250", "250", "354", "250"} {
		busy.expect(code)
	}
	for _, gone := range []*talker{slow, silent} {
		other := talkFrom(t, "127.0.9.1", addr)
		other.expect("220")
		gone.expect("421 4.")
	}
	busy.say("NOOP\r\n")
	busy.expect("250")
	talk(t, addr).expect("421 4.7.0 mx.example.com too many connections")
}

// talkFrom is talk from an address of the client's.
func talkFrom(t *testing.T, from, addr string) *talker {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &talker{t: t, Conn: c, r: bufio.NewReader(c)}
}
