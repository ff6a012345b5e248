package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// insecure trusts the server's own certificate: it is ours, on loopback.
var insecure = &tls.Config{InsecureSkipVerify: true}

// deliver sends mail to anna, to bert and to both, until the server is gone.
func (l *life) deliver(s *server, name string) {
	c, err := dial(s.smtp, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s-%d", name, n)
		to := []*inbox{l.anna}
		switch n % 10 {
		case 3:
			to = []*inbox{l.bert}
		case 7:
			to = []*inbox{l.anna, l.bert}
		}
		for _, box := range to {
			box.note(unsure, id)
		}
		if !send(c, "somebody@elsewhere.test", id, to[0].account, to[len(to)-1].account) {
			return
		}
		for _, box := range to {
			box.note(there, id)
		}
		l.acks.Add(1)
	}
}

// submit sends mail from bert to somebody elsewhere, until the server is gone.
func (l *life) submit(s *server, name string) {
	c, err := dial(s.submissions, insecure)
	if err != nil {
		return
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", bert, password)); err != nil {
		return
	}
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s-%d", name, n)
		l.outbox.note(unsure, id)
		if !send(c, bert, id, "somebody@elsewhere.test") {
			return
		}
		l.outbox.note(there, id)
		l.acks.Add(1)
	}
}

func dial(address string, config *tls.Config) (*smtp.Client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	conn.SetDeadline(time.Now().Add(2 * patience))
	return smtp.NewClient(conn), nil
}

// send sends one message and says whether it was acknowledged.
func send(c *smtp.Client, from, id string, to ...string) bool {
	if err := c.Mail(from, nil); err != nil {
		return false
	}
	for i, rcpt := range to {
		if i > 0 && rcpt == to[i-1] {
			continue
		}
		if err := c.Rcpt(rcpt, nil); err != nil {
			return false
		}
	}
	w, err := c.Data()
	if err != nil {
		return false
	}
	if _, err := w.Write(text(id, from)); err != nil {
		return false
	}
	return w.Close() == nil
}
