package imapd_test

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkChanging has a client over TLS change a mailbox of 10,000 messages
// whole, as mail programs do.
func BenchmarkChanging(b *testing.B) {
	h := newHouse(b, implicit())
	h.fill(b, 10000)
	c := h.benchClient(b)
	c.do(b, "LOGIN anna@example.com secret")
	c.do(b, "SELECT INBOX")
	b.Run("STORE", func(b *testing.B) {
		sign := "+"
		for b.Loop() {
			c.do(b, "STORE 1:* "+sign+`FLAGS.SILENT (\Flagged)`)
			sign = map[string]string{"+": "-", "-": "+"}[sign]
		}
	})
	b.Run("COPY", func(b *testing.B) {
		for b.Loop() {
			c.do(b, "COPY 1:* Archive")
		}
	})
	b.Run("MOVE_there_and_back", func(b *testing.B) {
		for b.Loop() {
			c.do(b, "MOVE 1:* Trash")
			c.do(b, "SELECT Trash")
			c.do(b, "MOVE 1:* INBOX")
			c.do(b, "SELECT INBOX")
		}
	})
	b.Run("EXPUNGE", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			h.fill(b, 10000)
			c.do(b, "SELECT INBOX")
			c.do(b, `STORE 1:* +FLAGS.SILENT (\Deleted)`)
			b.StartTimer()
			c.do(b, "EXPUNGE")
		}
	})
}

// BenchmarkAppending has a client over TLS add messages of 4 KB, a hundred with
// a command (RFC 3502).
func BenchmarkAppending(b *testing.B) {
	h := newHouse(b, implicit())
	c := h.benchClient(b)
	c.do(b, "LOGIN anna@example.com secret")
	var command strings.Builder
	command.WriteString("APPEND INBOX")
	for i := range 100 {
		raw := benchMessage(i)
		fmt.Fprintf(&command, " {%d+}\r\n%s", len(raw), raw)
	}
	b.ResetTimer()
	for b.Loop() {
		c.do(b, command.String())
	}
}
