package smtpd

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"gomail"
)

// nothing is a backend that takes all mail and does nothing with it.
type nothing struct{}

func (nothing) NewSession(context.Context, *gomail.Client) (Session, error) { return nothing{}, nil }
func (nothing) Authenticate(context.Context, string, string, string) error  { return nil }
func (nothing) Mail(context.Context, gomail.Address, MailOptions) error     { return nil }
func (nothing) Rcpt(context.Context, gomail.Recipient) error                { return nil }
func (nothing) Data(_ context.Context, r io.Reader) (string, error) {
	_, err := io.Copy(io.Discard, r)
	return "OK", err
}
func (nothing) Reset() {}
func (nothing) Close() {}

// BenchmarkMessage is one 4 KB message on an open connection, over loopback,
// with pipelining as Postfix does it: envelope and DATA, then the content.
func BenchmarkMessage(b *testing.B) {
	addr := startServer(b, Config{Hostname: "mx.example.com", MaxMessages: 1 << 40}, nothing{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	read := func(n int) {
		for range n {
			line, err := r.ReadSlice('\n')
			if err != nil || line[0] > '3' {
				b.Fatalf("%q %v", line, err)
			}
		}
	}
	io.WriteString(c, "EHLO c\r\n")
	read(11)
	content := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 4096/78) + ".\r\n")
	envelope := []byte("MAIL FROM:<bob@example.net> SIZE=4096 BODY=8BITMIME\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		c.Write(envelope)
		read(3)
		c.Write(content)
		read(1)
	}
}
