package smtpd

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"gomail/internal/serve"
)

// Whoever guesses addresses waits longer for each reply; who only errs now
// and then does not notice.
func TestTarpit(t *testing.T) {
	for name, c := range map[string]struct {
		say   string
		codes string
		after time.Duration
	}{
		"three unknown": {"EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<unknown@example.com>\r\nQUIT\r\n", "220 250 250 550 550 550 221", 0},
		"five unknown": {"EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<unknown@example.com>\r\nQUIT\r\n",
			"220 250 250 550 550 550 550 550 221", 3 * time.Second},
		"nonsense": {"A\r\nB\r\nC\r\nD\r\nE\r\nF\r\nQUIT\r\n", "220 500 500 500 500 500 500 221", 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				client, finished := startPipe(t, Config{Tarpit: time.Second}, &recorder{})
				go client.Write([]byte(c.say))
				if codes := readCodes(client); codes != c.codes {
					t.Errorf("codes %q, want %q", codes, c.codes)
				}
				<-finished
				if took := time.Since(began); took != c.after {
					t.Errorf("it took %v, want %v", took, c.after)
				}
			})
		})
	}
}

// A client in the tarpit does not hold up the end of the server.
func TestTarpitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		soft, stop := context.WithCancel(t.Context())
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			newConn(New(Config{Hostname: "mx.example.com", Tarpit: time.Hour}, &recorder{}), new(serve.Seat), server).serve(soft, context.Background())
		}()
		go client.Write([]byte("A\r\nB\r\nC\r\nD\r\n"))
		go readCodes(client)
		synctest.Wait()
		began := time.Now()
		stop()
		<-finished
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the session ended %v after it was asked to", took)
		}
		client.Close()
	})
}
