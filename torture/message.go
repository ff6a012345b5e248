package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

const (
	lineLength = 78
	large      = 1_200_000 // past what is kept in memory: becomes an object
)

// noise is text that does not compress, of which every body is a part.
var noise = sync.OnceValue(func() []byte {
	random := rand.New(rand.NewPCG(1, 1))
	line := make([]byte, 57)
	var b bytes.Buffer
	for b.Len() < 2*large {
		for i := range line {
			line[i] = byte(random.Uint32())
		}
		b.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
	}
	return b.Bytes()
})

// body is the text that belongs to a name. The same name has the same body,
// so that only names have to be noted.
func body(name string) []byte {
	h := fnv.New64a()
	h.Write([]byte(name))
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	size := 200 + random.IntN(4000)
	switch n := random.IntN(200); {
	case n == 0:
		size = large
	case n < 5:
		size = 60_000
	}
	lines := max(size/lineLength, 1)
	from := random.IntN(large/lineLength) * lineLength
	return noise()[from : from+lines*lineLength]
}

// text makes the message of a name.
func text(name, from string) []byte {
	header := fmt.Sprintf("From: %s\r\nTo: somebody@example.test\r\nSubject: %s\r\nMessage-ID: <%s@torture.test>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\n", from, name, name)
	return append([]byte(header), body(name)...)
}

// nameOf returns the name that a message carries, and whether it is whole.
func nameOf(message []byte) (name string, whole bool) {
	_, rest, _ := bytes.Cut(message, []byte("\r\nSubject: "))
	subject, _, _ := bytes.Cut(rest, []byte("\r\n"))
	_, got, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	return string(subject), bytes.Equal(got, body(string(subject)))
}
