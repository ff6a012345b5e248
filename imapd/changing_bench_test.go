package imapd_test

import (
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
