package smtpd

import (
	"crypto/tls"
	"net"
	netsmtp "net/smtp"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const peerMessage = "Subject: hello\r\n\r\n.dot\r\ntext\r\n"

// TestNetSMTP sends with Go's own client: STARTTLS, AUTH PLAIN, DATA.
func TestNetSMTP(t *testing.T) {
	b := &recorder{}
	addr := startServer(t, Config{Hostname: "mx.example.com", TLS: testTLS(t), Submission: true}, b)
	c, err := netsmtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(c.StartTLS(&tls.Config{InsecureSkipVerify: true}))
	host, _, _ := net.SplitHostPort(addr)
	check(c.Auth(netsmtp.PlainAuth("", "anna@example.com", "secret", host)))
	check(c.Mail("anna@example.com"))
	check(c.Rcpt("bob@example.net"))
	w, err := c.Data()
	check(err)
	_, err = w.Write([]byte(peerMessage))
	check(err)
	check(w.Close())
	check(c.Quit())
	wantData(t, b)
}

// TestGoSMTP sends with emersion's client: implicit TLS, AUTH LOGIN, DSN.
func TestGoSMTP(t *testing.T) {
	b := &recorder{}
	addr := startServer(t, Config{Hostname: "mx.example.com", TLS: testTLS(t), ImplicitTLS: true, Submission: true}, b)
	c, err := smtp.DialTLS(addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewLoginClient("anna@example.com", "secret")); err != nil {
		t.Fatal(err)
	}
	opts := &smtp.MailOptions{Size: 100, Return: smtp.DSNReturnHeaders, EnvelopeID: "a+b", Body: smtp.Body8BitMIME}
	if err := c.Mail("anna@example.com", opts); err != nil {
		t.Fatal(err)
	}
	rcpt := &smtp.RcptOptions{Notify: []smtp.DSNNotify{smtp.DSNNotifyFailure}, OriginalRecipientType: smtp.DSNAddressTypeRFC822, OriginalRecipient: "b+c@example.net"}
	if err := c.Rcpt("bob@example.net", rcpt); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(peerMessage))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	wantData(t, b)
}

func wantData(t *testing.T, b *recorder) {
	t.Helper()
	events := strings.Join(b.take(), "\n")
	if !strings.Contains(events, `data "Subject: hello\r\n\r\n.dot\r\ntext\r\n"`) {
		t.Errorf("the backend was asked:\n%s", events)
	}
}
