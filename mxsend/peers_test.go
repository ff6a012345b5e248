package mxsend

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/emersion/go-smtp"

	"gomail/queue"
)

// peer is a backend of emersion's server, which is not ours.
type peer struct{ got chan string }

func (p peer) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }
func (p peer) Reset()                                      {}
func (p peer) Logout() error                               { return nil }
func (p peer) Mail(string, *smtp.MailOptions) error        { return nil }
func (p peer) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "reject@example.net" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no"}
	}
	return nil
}

func (p peer) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	p.got <- string(b)
	return err
}

func TestAgainstGoSMTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := peer{make(chan string, 1)}
	server := smtp.NewServer(p)
	server.Domain = "mx.example.net"
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	server.EnableSMTPUTF8, server.EnableDSN = true, true
	go server.Serve(l)
	defer server.Close()
	z := newZone()
	z.addr["example.net"] = []string{"127.0.0.1"}
	s := New(Config{
		Hostname: "mail.example.com", Resolver: z, AllowPrivateNetworks: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	})
	defer s.Close()
	task := taskFor(t, "böb@example.com", "anna@example.net", "reject@example.net")
	task.Envelope.Return, task.Envelope.EnvelopeID = "HDRS", "a+b c"
	task.Rcpts[0].Original = "rfc822;anna@example.org"
	for range 2 {
		r := s.Deliver(t.Context(), task, contentOf("Subject: x\r\n\r\n.dot\r\n"))
		if r[0].Outcome != queue.Delivered || r[0].TLS.Version == "" || r[1].Outcome != queue.Permanent {
			t.Fatalf("%+v", r)
		}
		if got := <-p.got; got != "Subject: x\r\n\r\n.dot\r\n" {
			t.Errorf("arrived: %q", got)
		}
	}
}
