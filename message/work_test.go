package message

import (
	"fmt"
	"strings"
	"testing"
)

// TestIndexingIsLinear counts octets and boundary candidates looked at: twice
// the message must not be more than 2.5 times the work, whatever its shape.
func TestIndexingIsLinear(t *testing.T) {
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%06d\r\n\r\n--b%06d\r\n", i, i)
		}
		return b.String()
	}
	siblings := func(n int) string {
		return nested(20) + strings.Repeat("--b000019\r\n\r\nx\r\n", n)
	}
	nearly := func(n int) string { return nested(30) + "\r\n" + strings.Repeat("--b00000\r\n", n) }
	messages := func(n int) string { return strings.Repeat("Content-Type: message/rfc822\r\n\r\n", n) }
	long := func(n int) string { return nested(2) + "\r\n" + strings.Repeat("--", 8*n) }
	for name, shape := range map[string]func(int) string{
		"nested": nested, "siblings": siblings, "nearly": nearly, "messages": messages, "long": long,
	} {
		once, twice := indexingWork(shape(20000)), indexingWork(shape(40000))
		if float64(twice) > 2.5*float64(once) {
			t.Errorf("%s: work %d for n, %d for 2n", name, once, twice)
		}
	}
}

func indexingWork(raw string) int64 {
	var x Indexer
	for len(raw) > 0 {
		n := min(100, len(raw))
		x.Write([]byte(raw[:n]))
		raw = raw[n:]
	}
	x.Finish()
	return x.work
}
