package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gomail/mxsend"
	"gomail/queue"
)

// Where and how a server fails.
var (
	faultSteps   = []string{"connect", "banner", "EHLO", "STARTTLS", "EHLO in TLS", "MAIL", "RCPT", "DATA", "body", "dot", "reply", "QUIT"}
	faultActions = []string{"drop", "stall", "garbage", "421"}
)

// faultyServer fails at one step, in its first session or in all.
type faultyServer struct {
	step, action string
	always       bool
	cert         tls.Certificate

	mu       sync.Mutex
	sessions int
	taken    int // messages that came whole and were not refused
	answered int // of them, those whose reply the client was given
}

// errFault ends a session.
var errFault = errors.New("the session ends here")

// dial connects to the server.
func (f *faultyServer) dial(ctx context.Context) (net.Conn, error) {
	f.mu.Lock()
	f.sessions++
	faulty := f.always || f.sessions == 1
	f.mu.Unlock()
	if faulty && f.step == "connect" && f.action == "stall" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if faulty && f.step == "connect" {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	s := &faultySession{f: f, faulty: faulty}
	s.use(server)
	go func() {
		s.serve()
		s.conn.Close()
	}()
	return client, nil
}

type faultySession struct {
	f      *faultyServer
	faulty bool
	tls    bool
	conn   net.Conn
	r      *bufio.Reader
}

func (s *faultySession) use(c net.Conn) { s.conn, s.r = c, bufio.NewReader(c) }

// at does what is to be done at a step instead of the reply.
func (s *faultySession) at(step, reply string) error {
	if !s.faulty || s.f.step != step {
		_, err := fmt.Fprint(s.conn, reply)
		return err
	}
	switch s.f.action {
	case "stall":
		s.r.ReadByte() // until the client gives up
		for _, err := s.r.ReadByte(); err == nil; _, err = s.r.ReadByte() {
		}
	case "garbage":
		fmt.Fprint(s.conn, "\x00\xff??? 999999\r\n")
	case "421":
		fmt.Fprint(s.conn, "421 4.3.2 not now\r\n")
	}
	return errFault
}

func (s *faultySession) serve() error {
	if err := s.at("banner", "220 mx ESMTP\r\n"); err != nil {
		return err
	}
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return err
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb = strings.ToUpper(verb); verb {
		case "EHLO":
			if s.tls {
				err = s.at("EHLO in TLS", "250-mx\r\n250 PIPELINING\r\n")
			} else {
				err = s.at("EHLO", "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
			}
		case "STARTTLS":
			err = s.startTLS()
		case "DATA":
			err = s.data()
		case "QUIT":
			s.at("QUIT", "221 2.0.0 bye\r\n")
			return errFault
		default:
			err = s.at(verb, "250 2.0.0 ok\r\n")
		}
		if err != nil {
			return err
		}
	}
}

func (s *faultySession) startTLS() error {
	if err := s.at("STARTTLS", "220 2.0.0 go on\r\n"); err != nil {
		return err
	}
	conn := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{s.f.cert}})
	if err := conn.Handshake(); err != nil {
		return err
	}
	s.use(conn)
	s.tls = true
	return nil
}

func (s *faultySession) data() error {
	if err := s.at("DATA", "354 go on\r\n"); err != nil {
		return err
	}
	if s.faulty && s.f.step == "body" {
		s.r.ReadString('\n')
		return s.at("body", "")
	}
	if _, err := readSubject(s.r); err != nil {
		return err
	}
	refused := s.faulty && s.f.step == "dot" && s.f.action == "421"
	s.count(&s.f.taken, !refused)
	if err := s.at("dot", "250 2.0.0 taken\r\n"); err != nil {
		return err
	}
	s.count(&s.f.answered, true)
	if s.faulty && s.f.step == "reply" {
		return s.at("reply", "")
	}
	return nil
}

func (s *faultySession) count(n *int, when bool) {
	if when {
		s.f.mu.Lock()
		*n++
		s.f.mu.Unlock()
	}
}

// faults is a server for every step and action, as destinations d0.test,
// d1.test …
func faults(t *testing.T, always bool) []*faultyServer {
	_, pem := authority(t, "mx.example.test")
	cert, err := tls.X509KeyPair([]byte(pem), []byte(pem))
	if err != nil {
		t.Fatal(err)
	}
	var all []*faultyServer
	for _, step := range faultSteps {
		for _, action := range faultActions {
			all = append(all, &faultyServer{step: step, action: action, always: always, cert: cert})
		}
	}
	return all
}

// faultyOffice queues a message for two recipients at each server.
func faultyOffice(t *testing.T, all []*faultyServer) *postOffice {
	p := newPostOffice(t, queue.Config{}, mxsend.Config{})
	p.dial = func(ctx context.Context, n int) (net.Conn, error) { return all[n].dial(ctx) }
	p.run()
	for i := range all {
		p.send(fmt.Sprint(i), true, fmt.Sprintf("a@d%d.test", i), fmt.Sprintf("b@d%d.test", i))
	}
	return p
}

// A server that fails once, wherever and however: the message arrives, once
// where the reply was read, and nobody is told of anything.
func TestServerFailsOnce(t *testing.T) {
	all := faults(t, false) // outside the bubble, whose clock is not the certificate's
	synctest.Test(t, func(t *testing.T) {
		p := faultyOffice(t, all)
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		for _, f := range all {
			f.mu.Lock()
			want := 1
			if f.step == "dot" && f.action != "421" {
				want = 2 // it had it, and could not say so (RFC 5321 section 6.1)
			}
			if f.taken != want || f.answered != 1 {
				t.Errorf("%s at %s: it has the message %d times, and said so %d times", f.action, f.step, f.taken, f.answered)
			}
			f.mu.Unlock()
		}
		if n := p.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		if len(p.notices) > 0 {
			t.Errorf("the sender was told: %+v", p.notices)
		}
		p.close()
	})
}

// A server that fails always: the message is tried until it expires, and then
// its sender is told, once for each recipient; where the reply came before the
// fault it arrived, once.
func TestServerFailsAlways(t *testing.T) {
	all := faults(t, true)
	synctest.Test(t, func(t *testing.T) {
		p := faultyOffice(t, all)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		failed := map[string][]string{}
		for _, n := range p.notices {
			for _, e := range n.Events {
				if e.Action != queue.ActionFailed {
					t.Errorf("%s: %s", e.Recipient.Address, e.Action)
				}
				failed[e.Recipient.Address.Domain] = append(failed[e.Recipient.Address.Domain], e.Recipient.Address.Local)
			}
		}
		for i, f := range all {
			told := failed[fmt.Sprintf("d%d.test", i)]
			slices.Sort(told)
			// In plain text the server's TLS does not matter; and then the
			// reply was read.
			arrives := slices.Contains([]string{"reply", "QUIT", "STARTTLS", "EHLO in TLS"}, f.step) && !(f.action == "421" && (f.step == "STARTTLS" || f.step == "EHLO in TLS"))
			switch {
			case arrives && (f.taken != 1 || len(told) > 0):
				t.Errorf("%s at %s: it has the message %d times, and the sender was told of %v", f.action, f.step, f.taken, told)
			case !arrives && !slices.Equal(told, []string{"a", "b"}):
				t.Errorf("%s at %s: the sender was told of %v", f.action, f.step, told)
			case !arrives && f.sessions < 3:
				t.Errorf("%s at %s: %d sessions", f.action, f.step, f.sessions)
			}
		}
		if n := p.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		p.close()
	})
}
