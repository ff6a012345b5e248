package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// sink is the receiving side of the queue's benchmark: SMTP servers that take
// everything, keep nothing and count each message by its mark. While it is
// held, it answers nothing, and mail piles up at whoever sends it.
type sink struct {
	listeners []net.Listener
	wg        sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	gate  chan struct{}  // closed: answers are given
	count []atomic.Int32 // by mark: how often it came
	left  int            // marks that did not come yet
	done  chan struct{}  // closed when none is left
	dials int            // connections since the last expect
}

// newSink listens on each address, "127.0.77.1:25".
func newSink(addresses []string) (*sink, error) {
	s := &sink{open: map[net.Conn]bool{}, gate: make(chan struct{})}
	close(s.gate)
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.listeners = append(s.listeners, l)
		s.wg.Go(func() { s.accept(l) })
	}
	return s, nil
}

func (s *sink) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[conn] = true
		s.dials++
		s.mu.Unlock()
		s.wg.Go(func() { s.serve(conn) })
	}
}

// close ends the servers and all connections, and waits for them.
func (s *sink) close() error {
	s.release()
	for _, l := range s.listeners {
		l.Close()
	}
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// hold stops all answers until release.
func (s *sink) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

// release lets answers be given.
func (s *sink) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.gate:
	default:
		close(s.gate)
	}
}

// pass waits while the sink is held.
func (s *sink) pass() {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	<-gate
}

// expect begins to count messages with the marks 0 to n-1. The channel it
// returns is closed when each has come.
func (s *sink) expect(n int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count, s.left, s.done, s.dials = make([]atomic.Int32, n), n, make(chan struct{}), 0
	return s.done
}

// twice returns how many marks came more than once.
func (s *sink) twice() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.count {
		if s.count[i].Load() > 1 {
			n++
		}
	}
	return n
}

func (s *sink) arrived(mark int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mark < 0 || mark >= len(s.count) || s.count[mark].Add(1) > 1 {
		return
	}
	if s.left--; s.left == 0 {
		close(s.done)
	}
}

// serve answers one connection. Replies are written when nothing more is to
// be read, so that pipelined commands cost one write.
func (s *sink) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
	}()
	r, w := bufio.NewReaderSize(conn, 16<<10), bufio.NewWriterSize(conn, 1<<10)
	s.pass()
	fmt.Fprint(w, "220 sink ESMTP\r\n")
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		s.pass()
		if !s.answer(verb(line), r, w) {
			return
		}
	}
}

func verb(line []byte) string {
	word, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	return strings.ToUpper(word)
}

// answer answers one command. It reports whether the session goes on.
func (s *sink) answer(verb string, r *bufio.Reader, w *bufio.Writer) bool {
	switch verb {
	case "EHLO":
		fmt.Fprint(w, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n")
	case "DATA":
		fmt.Fprint(w, "354 go on\r\n")
		if w.Flush() != nil {
			return false
		}
		mark, err := readMarked(r)
		if err != nil {
			return false
		}
		s.arrived(mark)
		fmt.Fprint(w, "250 2.0.0 taken\r\n")
	case "QUIT":
		fmt.Fprint(w, "221 2.0.0 bye\r\n")
		w.Flush()
		return false
	default:
		fmt.Fprint(w, "250 2.0.0 ok\r\n")
	}
	return true
}

var markField = []byte("X-Bench-Mark: ")

// readMarked reads a message to its final dot and returns the number in its
// mark; -1: it has none.
func readMarked(r *bufio.Reader) (int, error) {
	mark := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
		if bytes.Equal(line, []byte(".\r\n")) {
			return mark, nil
		}
		if value, ok := bytes.CutPrefix(line, markField); ok && mark < 0 {
			if mark, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
}

// missing returns how many messages did not come yet.
func (s *sink) missing() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// connections returns how many were made since expect.
func (s *sink) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}
