package bounces_test

import (
	"testing"
	"time"

	"gomail"
	"gomail/bounces"
)

// What a message costs on its way out: its token, and telling what became of it.
func BenchmarkMessage(b *testing.B) {
	tokens := bounces.Tokens{Secret: make([]byte, 32), Clock: time.Now}
	s := bounces.New(bounces.Config{Tokens: tokens})
	from, to := address("anna@example.com"), []gomail.Address{address("bob@example.net")}
	for b.Loop() {
		s.Trace(7, id, to)
		s.Tell(bounces.Outcome{Account: 7, From: from, To: to[0], Done: true, Delivered: true, Code: 250})
	}
}
