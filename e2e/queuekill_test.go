package e2e

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// smarthost is a server that takes the mail of a whole installation. Until it
// is opened it greets nobody.
type smarthost struct {
	listener net.Listener
	opened   chan struct{}

	byRecipient bool // it counts by the envelope's recipient

	mu  sync.Mutex
	got map[string]int // by Subject
}

func newSmarthost(t *testing.T) *smarthost {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smarthost{listener: l, opened: make(chan struct{}), got: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *smarthost) serve(conn net.Conn) {
	defer conn.Close()
	<-s.opened
	r := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 smarthost ESMTP\r\n")
	recipient := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		reply := "250 2.0.0 ok\r\n"
		if strings.HasPrefix(line, "RCPT TO:") {
			recipient = line
		}
		if strings.HasPrefix(line, "DATA") {
			fmt.Fprint(conn, "354 go on\r\n")
			subject, err := readSubject(r)
			if err != nil {
				return
			}
			if s.byRecipient {
				subject = recipient
			}
			s.mu.Lock()
			s.got[subject]++
			s.mu.Unlock()
		}
		fmt.Fprint(conn, reply)
	}
}

func (s *smarthost) count() (once, twice int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.got {
		twice += n - 1
	}
	return len(s.got), twice
}

// The server is killed while it empties its queue, and started again: every
// message arrives, and repeated are at most those that were under way or
// whose outcome was not written yet.
func TestKillWhileTheQueueIsEmptied(t *testing.T) {
	const messages, window = 1200, 500 + 20
	s := newSmarthost(t)
	i := serve(t, "127.0.0.1:1", fmt.Sprintf("smarthost = %q\nsmarthost_tls = \"opportunistic\"\n", s.listener.Addr().String()))
	c := dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
	c.ehlo()
	c.want("235", "AUTH PLAIN %s", plain(i.anna))
	for n := range messages {
		if n > 0 && n%500 == 0 {
			c.Close()
			c = dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
			c.ehlo()
			c.want("235", "AUTH PLAIN %s", plain(i.anna))
		}
		if reply := c.message(i.anna.Address, fmt.Sprintf("r%d@far.test", n), fmt.Sprintf("From: %s\r\nSubject: m%d\r\n\r\nx\r\n", i.anna.Address, n)); !strings.HasPrefix(reply, "250") {
			t.Fatal(reply)
		}
	}
	close(s.opened)
	eventually(t, "some messages to arrive", func() bool { once, _ := s.count(); return once >= messages/6 })
	i.signal(syscall.SIGKILL)
	<-i.exited
	before, _ := s.count()
	i.start(t)
	eventually(t, "all messages to arrive", func() bool { once, _ := s.count(); return once == messages })
	eventually(t, "the queue to be empty", func() bool {
		return strings.TrimSpace(mustRun(t, "", binary, "--dir", i.dir, "queue", "list", "--json")) == "[]"
	})
	_, twice := s.count()
	t.Logf("killed after %d messages; %d came twice", before, twice)
	if twice > window {
		t.Errorf("%d messages came twice, at most %d may", twice, window)
	}
	i.stop()
	mustRun(t, "", binary, "--dir", i.dir, "check")
}
