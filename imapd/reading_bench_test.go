package imapd_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gomail/mailbox"
	"gomail/message"
)

// BenchmarkReading has a client over TLS do what mail programs do with a
// mailbox of 2,000 messages of 4 KB.
func BenchmarkReading(b *testing.B) { benchmarkReading(b, 2000) }

// BenchmarkReadingMany is BenchmarkReading with 100,000 messages.
func BenchmarkReadingMany(b *testing.B) { benchmarkReading(b, 100_000) }

func benchmarkReading(b *testing.B, messages int) {
	cfg := implicit()
	h := newHouse(b, cfg)
	h.fill(b, messages)
	c := h.benchClient(b)
	c.do(b, "LOGIN anna@example.com secret")
	c.do(b, "SELECT INBOX")
	b.Run("SEARCH_TEXT_without_the_index", func(b *testing.B) {
		for b.Loop() {
			c.do(b, "SEARCH TEXT attachedattached")
		}
	})
	b.Run("the_index", func(b *testing.B) {
		for b.Loop() {
			h.store.DropTextIndex(b.Context(), h.anna.ID)
			if err := h.boxes.Account(h.anna.ID).IndexText(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, command := range []string{
		"FETCH 1:* (UID FLAGS RFC822.SIZE)",
		"FETCH 1:* (ENVELOPE BODYSTRUCTURE)",
		"FETCH 1:1000 BODY.PEEK[]",
		"FETCH 1:1000 BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]",
		"SEARCH HEADER SUBJECT number-777",
		"SEARCH SUBJECT number-777",
		"SEARCH TEXT attachedattached",
		"SEARCH TEXT 1ef0",
		"SEARCH TEXT plan",
		"SELECT INBOX",
	} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) {
			before := processorTime()
			for b.Loop() {
				c.do(b, command)
			}
			b.ReportMetric(float64(processorTime()-before)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

func processorTime() int64 {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// fill adds so many different messages to anna's INBOX.
func (h *house) fill(b *testing.B, messages int) {
	account := h.boxes.Account(h.anna.ID)
	box, err := account.Lookup(context.Background(), "INBOX")
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; n < messages; n += 500 {
		var batch []mailbox.Append
		for i := n; i < min(n+500, messages); i++ {
			raw := benchMessage(i)
			body := account.Stage()
			body.Write(raw)
			var x message.Indexer
			x.Write(raw)
			batch = append(batch, mailbox.Append{Body: body, Index: x.Finish().Marshal(), Received: time.Now()})
		}
		if _, err := box.Append(context.Background(), batch...); err != nil {
			b.Fatal(err)
		}
		for _, m := range batch {
			m.Body.Close()
		}
	}
}

func benchMessage(i int) []byte {
	var m bytes.Buffer
	fmt.Fprintf(&m, "Received: from mail.example.org by mx.example.com; Wed, 1 Apr 2026 10:20:30 +0000\r\n"+
		"From: =?utf-8?q?J=C3=BCrgen?= Sender <sender@example.org>\r\nTo: Anna <anna@example.com>\r\nSubject: number-%d about the plan\r\n"+
		"Date: Wed, 1 Apr 2026 10:20:30 +0000\r\nMessage-ID: <%d@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", i, i)
	for line := 0; m.Len() < 4000; line++ {
		fmt.Fprintf(&m, "Line %x of message %x: the plan that is attached has changed again.\r\n", line*7919, i*104729)
	}
	return m.Bytes()
}

type benchClient struct {
	*bufio.ReadWriter
}

func (h *house) benchClient(b *testing.B) benchClient {
	conn := h.dialTLS()
	c := benchClient{bufio.NewReadWriter(bufio.NewReaderSize(conn, 1<<20), bufio.NewWriter(conn))}
	if _, err := c.ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	return c
}

// do sends a command and reads what comes until its tagged OK.
func (c benchClient) do(b *testing.B, command string) {
	fmt.Fprintf(c, "tag1 %s\r\n", command)
	c.Flush()
	for {
		line, err := c.ReadSlice('\n')
		switch {
		case err != nil:
			b.Fatal(err)
		case bytes.HasPrefix(line, []byte("tag1 OK")):
			return
		case bytes.HasPrefix(line, []byte("tag1 ")):
			b.Fatalf("%s: %s", command, line)
		}
	}
}
