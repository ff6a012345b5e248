package smtpd

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// TestSmuggling sends every sequence that some server has taken for the end
// of a message (CVE-2023-51764, -51765, -51766), with another message behind
// it. There must be one reply, a refusal, and no other message.
func TestSmuggling(t *testing.T) {
	for _, end := range []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r",
		"\r\r\n.\r\r\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n\r.\r\n", "\n\n.\n\n", "\r\n.\r\r\n",
	} {
		b := &recorder{}
		addr := startServer(t, Config{Hostname: "mx.example.com"}, b)
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		c.Write([]byte("EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n" +
			"first" + end + "MAIL FROM:<smuggled@example.net>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\nsecond\r\n.\r\nQUIT\r\n"))
		var replies []string
		for s := bufio.NewScanner(c); s.Scan(); {
			if line := s.Text(); len(line) > 3 && line[3] == ' ' {
				replies = append(replies, line[:3])
			}
		}
		if got := strings.Join(replies, " "); got != "220 250 250 250 354 550 221" {
			t.Errorf("%q: replies %s", end, got)
		}
		for _, e := range b.take() {
			if strings.Contains(e, "smuggled") && strings.HasPrefix(e, "mail") || strings.HasPrefix(e, "data \"") {
				t.Errorf("%q: the backend was asked %s", end, e)
			}
		}
	}
}
