package smtpd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gomail/internal/serve"
)

// startPipe runs one session in a synctest bubble over net.Pipe and returns
// the client's end. finished tells when the session is over.
func startPipe(t *testing.T, cfg Config, b Backend) (client net.Conn, finished chan struct{}) {
	cfg.Hostname = "mx.example.com"
	client, server := net.Pipe()
	finished = make(chan struct{})
	go func() {
		defer close(finished)
		newConn(New(cfg, b), new(serve.Seat), server).serve(t.Context(), context.Background())
	}()
	return client, finished
}

// readCodes reads replies until the connection ends.
func readCodes(c net.Conn) string {
	var codes []string
	for s := bufio.NewScanner(c); s.Scan(); {
		if line := s.Text(); len(line) > 3 && line[3] == ' ' {
			codes = append(codes, line[:3])
		}
	}
	return strings.Join(codes, " ")
}

// drip writes text again and again until the connection ends.
func drip(c net.Conn, text string, every time.Duration) {
	for {
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
		time.Sleep(every)
	}
}

const toData = "EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n"

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Config
		say   func(c net.Conn)
		codes string
		after time.Duration
	}{
		{
			name:  "no command",
			say:   func(net.Conn) {},
			codes: "220 421", after: 5 * time.Minute,
		},
		{
			name: "a command in drips",
			say: func(c net.Conn) {
				drip(c, "x", time.Minute)
			},
			codes: "220 421", after: 5 * time.Minute,
		},
		{
			name: "submission without sign-in",
			cfg:  Config{Submission: true},
			say: func(c net.Conn) {
				drip(c, "NOOP\r\n", 7*time.Second)
			},
			codes: "220" + strings.Repeat(" 250", 9) + " 421", after: time.Minute,
		},
		{
			name:  "a message that stops",
			say:   func(c net.Conn) { c.Write([]byte(toData + "text\r\n")) },
			codes: "220 250 250 250 354 421", after: time.Minute,
		},
		{
			name: "a message in drips",
			cfg:  Config{MinTransferRate: 10},
			say: func(c net.Conn) {
				c.Write([]byte(toData))
				drip(c, "x", time.Second)
			},
			codes: "220 250 250 250 354 421", after: 66 * time.Second,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				b := &recorder{}
				c, finished := startPipe(t, test.cfg, b)
				var saying sync.WaitGroup
				saying.Go(func() { test.say(c) })
				defer saying.Wait()
				codes := readCodes(c)
				if codes != test.codes {
					t.Errorf("codes %q, want %q", codes, test.codes)
				}
				<-finished
				took := time.Since(began).Truncate(time.Second)
				c.Close()
				if took != test.after {
					t.Errorf("it took %v, want %v", took, test.after)
				}
				for _, e := range b.take() {
					if strings.HasPrefix(e, "data \"") {
						t.Errorf("the backend took %s", e)
					}
				}
			})
		})
	}
}

// TestSlowBackend shows that only the client's slowness counts.
func TestSlowBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &recorder{onData: func(r io.Reader) (string, error) {
			time.Sleep(time.Hour)
			_, err := io.ReadAll(r)
			return "queued", err
		}}
		c, finished := startPipe(t, Config{}, b)
		go c.Write([]byte(toData + "text\r\n.\r\nQUIT\r\n"))
		if codes := readCodes(c); codes != "220 250 250 250 354 250 221" {
			t.Errorf("codes %q", codes)
		}
		<-finished
	})
}

// TestDeafClient shows that a client that takes no replies is given up.
func TestDeafClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c, finished := startPipe(t, Config{}, &recorder{})
		<-finished
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
		c.Close()
	})
}

// TestReaderErrors shows what the backend sees of a message that fails.
func TestReaderErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen error
		b := &recorder{onData: func(r io.Reader) (string, error) {
			_, seen = io.ReadAll(r)
			return "", seen
		}}
		c, finished := startPipe(t, Config{}, b)
		go func() {
			c.Write([]byte(toData + "text"))
			c.Close()
		}()
		readCodes(c)
		<-finished
		if !errors.Is(seen, io.ErrUnexpectedEOF) {
			t.Errorf("the backend saw %v", seen)
		}
	})
}

// TestHasty shows that a backend cannot accept a message that it did not
// read, and that what it left is not taken for commands.
func TestHasty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &recorder{onData: func(io.Reader) (string, error) { return "queued", nil }}
		c, finished := startPipe(t, Config{}, b)
		go c.Write([]byte(toData + "NOOP\r\nNOOP\r\n.\r\nQUIT\r\n"))
		if codes := readCodes(c); codes != "220 250 250 250 354 451 221" {
			t.Errorf("codes %q", codes)
		}
		<-finished
	})
}

// TestDrainIsBounded sends without end after a refusal.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, finished := startPipe(t, Config{MaxMessageSize: 1000}, &recorder{})
		go func() {
			c.Write([]byte(toData))
			block := []byte(strings.Repeat("x", 64<<10))
			for {
				if _, err := c.Write(block); err != nil {
					return
				}
			}
		}()
		if codes := readCodes(c); codes != "220 250 250 250 354 552" {
			t.Errorf("codes %q", codes)
		}
		<-finished
	})
}
