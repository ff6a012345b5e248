package smtpd

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// lockedBuffer is a log that several sessions may write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestLog sends a canary as password and as content, and forged line ends in
// what is logged: the log tells of the outcome and of neither.
func TestLog(t *testing.T) {
	var log lockedBuffer
	cfg := Config{
		Hostname: "mx.example.com", TLS: testTLS(t), ImplicitTLS: true, Submission: true,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	addr, stop := startServerStop(t, cfg, &recorder{})
	p := &player{t: t, backend: &recorder{}}
	p.dial(addr)
	p.startTLS()
	wrong := base64.StdEncoding.EncodeToString([]byte("\x00canary-name\x00canary-password"))
	right := base64.StdEncoding.EncodeToString([]byte("\x00anna@example.com\x00secret"))
	p.conn.Write([]byte("EHLO a\r\nAUTH PLAIN " + wrong + "\r\nAUTH PLAIN " + right + "\r\n" +
		"MAIL FROM:<anna@example.com>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\ncanary-content\r\n.\r\nQUIT\r\n"))
	for p.readLine() != "<end>" {
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	text := log.b.String()
	for _, secret := range []string{"canary", wrong, right, "secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
	for _, want := range []string{"SMTP sign-in failed", "account=7", "rcpt=unknown@example.com", "SMTP message accepted", "remote=127.0.0.1:"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
}
