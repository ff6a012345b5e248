package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// insecure trusts the server's own certificate: it is ours, on loopback.
var insecure = &tls.Config{InsecureSkipVerify: true}

// deliver sends mail to anna, to bert and to both, until the server is gone or
// says no.
func (l *life) deliver(s *server, name string) {
	c, err := dial(s.smtp, nil, s.longest())
	if err != nil {
		return
	}
	defer c.Close()
	for n := 0; !l.enough.Load(); n++ {
		time.Sleep(l.pace)
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
		began := time.Now()
		err := send(c, "somebody@elsewhere.test", id, to[0].account, to[len(to)-1].account)
		f := l.judge(err, time.Since(began))
		for _, box := range to {
			box.note(f, id)
		}
		if err != nil {
			return
		}
	}
}

// judge counts an answer and says what became of the message.
func (l *life) judge(err error, took time.Duration) fate {
	var reply *smtp.SMTPError
	switch {
	case err == nil:
		l.acks.Add(1)
		l.took.add(took)
		return there
	case errors.As(err, &reply):
		l.answers.add(fmt.Sprintf("%d %d.%d.%d", reply.Code, reply.EnhancedCode[0], reply.EnhancedCode[1], reply.EnhancedCode[2]))
		return l.whenRefused
	}
	l.answers.add("no reply")
	return unsure
}

// submit sends mail from bert to somebody elsewhere, until the server is gone
// or says no.
func (l *life) submit(s *server, name string) {
	c, err := dial(s.submissions, insecure, s.longest())
	if err != nil {
		return
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", bert, password)); err != nil {
		return
	}
	for n := 0; !l.enough.Load(); n++ {
		time.Sleep(l.pace)
		id := fmt.Sprintf("%s-%d", name, n)
		l.outbox.note(unsure, id)
		began := time.Now()
		err := send(c, bert, id, "somebody@elsewhere.test")
		l.outbox.note(l.judge(err, time.Since(began)), id)
		if err != nil {
			return
		}
	}
}

func dial(address string, config *tls.Config, longest time.Duration) (*smtp.Client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	conn.SetDeadline(time.Now().Add(longest))
	return smtp.NewClient(conn), nil
}

// send sends one message. Without an error it was acknowledged.
func send(c *smtp.Client, from, id string, to ...string) error {
	if err := c.Mail(from, nil); err != nil {
		return err
	}
	for i, rcpt := range to {
		if i > 0 && rcpt == to[i-1] {
			continue
		}
		if err := c.Rcpt(rcpt, nil); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text(id, from)); err != nil {
		return err
	}
	return w.Close()
}
