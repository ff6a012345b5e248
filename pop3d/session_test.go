package pop3d_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"gomail/pop3d"
)

// dial signs anna in over TLS.
func (h *house) dial(t testing.TB) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := tls.Dial("tcp", h.addr, clientTLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(conn)
	for _, say := range []string{"", "USER anna@example.com\r\n", "PASS se cret\r\n"} {
		io.WriteString(conn, say)
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
			t.Fatalf("%q: %q, %v", say, line, err)
		}
	}
	return conn, in
}

// retrieve returns a message as a client reads it.
func retrieve(t testing.TB, conn net.Conn, in *bufio.Reader, command string) string {
	t.Helper()
	fmt.Fprintf(conn, "%s\r\n", command)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
		t.Fatalf("%s: %q, %v", command, line, err)
	}
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == ".\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// Messages arrive octet by octet, wherever their dots and line breaks fall in
// the blocks that they are read in.
func TestRetrieveIsExact(t *testing.T) {
	h := newHouse(t, pop3d.Config{TLS: serverTLS(), ImplicitTLS: true})
	var messages []string
	for shift := range 4 {
		messages = append(messages, "Subject: x\r\n\r\n"+strings.Repeat("y", shift)+strings.Repeat(".\r\n..\r\n\r\nline\r\n", 5000))
	}
	messages = append(messages, "Subject: large\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 200_000), "Subject: only a header\r\n")
	for _, m := range messages {
		h.deliver(m)
	}
	conn, in := h.dial(t)
	for i, want := range messages {
		if got := retrieve(t, conn, in, fmt.Sprintf("RETR %d", i+1)); got != want {
			t.Errorf("message %d: %d octets, want %d", i+1, len(got), len(want))
		}
		if !strings.Contains(want, "\r\n\r\n") {
			continue
		}
		head, body, _ := strings.Cut(want, "\r\n\r\n")
		want := head + "\r\n\r\n" + strings.Join(strings.SplitAfter(body, "\r\n")[:min(3, strings.Count(body, "\r\n"))], "")
		if got := retrieve(t, conn, in, fmt.Sprintf("TOP %d 3", i+1)); got != want {
			t.Errorf("the top of message %d is %q, want %q", i+1, got, want)
		}
	}
}

// A line that never ends is bounded, and ends the session, not the server.
func TestEndlessLine(t *testing.T) {
	h := newHouse(t, pop3d.Config{TLS: serverTLS(), ImplicitTLS: true})
	conn, in := h.dial(t)
	go io.Copy(conn, io.LimitReader(zeros{}, 8<<20))
	if rest, err := io.ReadAll(in); os.IsTimeout(err) || len(rest) > 200 {
		t.Errorf("after an endless line: %q, %v", rest, err)
	}
	h.dial(t)
}

// An answer does not wait for the rest of the command behind.
func TestHalfACommandBehind(t *testing.T) {
	h := newHouse(t, pop3d.Config{TLS: serverTLS(), ImplicitTLS: true})
	conn, in := h.dial(t)
	io.WriteString(conn, "NOOP\r\nST")
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
		t.Fatalf("with half a command behind it: %q, %v", line, err)
	}
	io.WriteString(conn, "AT\r\n")
	if line, err := in.ReadString('\n'); err != nil || line != "+OK 0 0\r\n" {
		t.Errorf("the rest of it: %q, %v", line, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Whatever a client says, the session answers or ends, and the next one works.
func FuzzSession(f *testing.F) {
	f.Add([]byte("USER anna@example.com\r\nPASS se cret\r\nRETR 1\r\nQUIT\r\n"))
	f.Add([]byte("AUTH PLAIN\r\n*\r\nCAPA\r\nTOP 1 1\r\n\x00\xff\r\n"))
	f.Add([]byte("AUTH PLAIN AGFubmFAZXhhbXBsZS5jb20Ac2UgY3JldA==\nLIST\nUIDL\nDELE 1\nRSET\nSTAT\n"))
	h := newHouse(f, pop3d.Config{TLS: serverTLS(), ImplicitTLS: true})
	h.deliver("Subject: one\r\n\r\n.\r\n")
	f.Fuzz(func(t *testing.T, said []byte) {
		conn, err := tls.Dial("tcp", h.addr, clientTLS())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		go func() {
			io.Copy(conn, bytes.NewReader(said))
			conn.CloseWrite()
		}()
		answer, err := io.ReadAll(conn)
		if os.IsTimeout(err) {
			t.Errorf("no end after %q", said)
		}
		if !bytes.HasPrefix(answer, []byte("+OK ")) {
			t.Errorf("the greeting is %.40q", answer)
		}
	})
}
