package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// queueSink is a destination's server, or that of many. It takes mail, counts
// it by Subject, and watches how many connections each destination has.
type queueSink struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex
	open     map[net.Conn]bool
	got      map[string]int // by Subject
	busy     map[int]int    // connections of a destination
	busiest  map[int]int
	longest  int // messages of one connection
	dials    int
	onAccept func(subject string) // a message is complete, its reply is not yet sent
}

func newQueueSink(t testing.TB) *queueSink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &queueSink{listener: l, open: map[net.Conn]bool{}, got: map[string]int{}, busy: map[int]int{}, busiest: map[int]int{}}
	t.Cleanup(s.close)
	return s
}

func (s *queueSink) close() {
	s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// dial connects to the sink as a destination. The connection counts until the
// server's side has closed.
func (s *queueSink) dial(ctx context.Context, destination int) (net.Conn, error) {
	client, err := new(net.Dialer).DialContext(ctx, "tcp", s.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	server, err := s.listener.Accept() // in whatever order: all are alike until now
	if err != nil {
		client.Close()
		return nil, err
	}
	s.mu.Lock()
	s.open[server] = true
	s.dials++
	s.busy[destination]++
	s.busiest[destination] = max(s.busiest[destination], s.busy[destination])
	s.mu.Unlock()
	s.wg.Go(func() {
		s.serve(server)
	})
	return &counted{Conn: client, sink: s, destination: destination}, nil
}

// counted is the client's end of a connection; closing it ends its count, as
// the server sees it at the latest then.
type counted struct {
	net.Conn
	sink        *queueSink
	destination int
	once        sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.sink.mu.Lock()
		c.sink.busy[c.destination]--
		c.sink.mu.Unlock()
	})
	return c.Conn.Close()
}

func (s *queueSink) serve(conn net.Conn) {
	messages := 0
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.longest = max(s.longest, messages)
		s.mu.Unlock()
	}()
	r, w := bufio.NewReaderSize(conn, 8<<10), bufio.NewWriter(conn)
	fmt.Fprint(w, "220 sink ESMTP\r\n")
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.ToUpper(word) {
		case "EHLO":
			fmt.Fprint(w, "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
		case "DATA":
			fmt.Fprint(w, "354 go on\r\n")
			if w.Flush() != nil {
				return
			}
			subject, err := readSubject(r)
			if err != nil {
				return
			}
			messages++
			s.take(subject)
			fmt.Fprint(w, "250 2.0.0 taken\r\n")
		case "QUIT":
			fmt.Fprint(w, "221 2.0.0 bye\r\n")
			w.Flush()
			return
		default:
			fmt.Fprint(w, "250 2.0.0 ok\r\n")
		}
	}
}

func (s *queueSink) take(subject string) {
	s.mu.Lock()
	s.got[subject]++
	f := s.onAccept
	s.mu.Unlock()
	if f != nil {
		f(subject)
	}
}

// count returns how many subjects came, and how many came more than once.
func (s *queueSink) count() (once, twice int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.got {
		if n > 1 {
			twice++
		}
	}
	return len(s.got), twice
}

// readSubject reads a message to its final dot.
func readSubject(r *bufio.Reader) (subject string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == ".\r\n" {
			return subject, nil
		}
		if value, ok := strings.CutPrefix(line, "Subject: "); ok && subject == "" {
			subject = strings.TrimSpace(value)
		}
	}
}
