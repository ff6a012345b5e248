package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// text makes the message of a name. The same name makes the same message, so
// that only names have to be noted.
func text(name, from string) []byte {
	h := fnv.New64a()
	h.Write([]byte(name))
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: somebody@example.test\r\nSubject: %s\r\nMessage-ID: <%s@torture.test>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\n", from, name, name)
	line := make([]byte, 57)
	for end := b.Len() + size(random); b.Len() < end; {
		for i := range line {
			line[i] = byte(random.Uint32())
		}
		b.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
	}
	return b.Bytes()
}

// size draws a size: most messages are small, a few go past what is kept in
// memory and become objects.
func size(random *rand.Rand) int {
	switch n := random.IntN(300); {
	case n == 0:
		return 1_200_000
	case n < 6:
		return 60_000
	default:
		return 200 + random.IntN(4000)
	}
}

// nameOf returns the name that a message carries, and whether it is whole.
func nameOf(message []byte) (name string, whole bool) {
	_, rest, _ := bytes.Cut(message, []byte("\r\nSubject: "))
	subject, _, _ := bytes.Cut(rest, []byte("\r\n"))
	_, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	_, want, _ := bytes.Cut(text(string(subject), ""), []byte("\r\n\r\n"))
	return string(subject), bytes.Equal(body, want)
}
