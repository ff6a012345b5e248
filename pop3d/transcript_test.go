package pop3d_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/pop3d"
)

var update = flag.Bool("update", false, "write the S: and has: lines of the transcripts anew")

// TestTranscripts plays testdata/*.txt. Their lines:
//
//	#       why the transcript is there
//	config: words that change the server: tls, implicit, errors=N
//	mail:   a message for the INBOX, with Go's escapes
//	gone:   a UID that another program removes now
//	C:      a line that the client sends, with Go's escapes; neighbours go in one write
//	TLS:    the client begins TLS
//	S:      a line that the server must send; <end> is the end of the connection
//	has:    what the INBOX holds now
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			play(t, file)
		})
	}
}

func play(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	p := &player{t: t, house: newHouse(t, transcriptConfig(lines))}
	for i, line := range lines {
		p.line(line, i+1 < len(lines) && strings.HasPrefix(lines[i+1], "C:"))
	}
	p.rest()
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(p.written, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := strings.Join(p.written, "\n"); got != strings.Join(lines, "\n") {
		t.Errorf("%s went otherwise:\n%s", file, got)
	}
}

func transcriptConfig(lines []string) (cfg pop3d.Config) {
	for _, line := range lines {
		words, ok := strings.CutPrefix(line, "config: ")
		for _, word := range strings.Fields(words) {
			name, value, _ := strings.Cut(word, "=")
			switch {
			case !ok:
			case name == "tls":
				cfg.TLS = serverTLS()
			case name == "implicit":
				cfg.TLS, cfg.ImplicitTLS = serverTLS(), true
			case name == "errors":
				cfg.MaxErrors, _ = strconv.Atoi(value)
			}
		}
	}
	return cfg
}

// player plays a transcript and writes down how it went.
type player struct {
	*house
	t       *testing.T
	conn    net.Conn
	in      *bufio.Reader
	pending string // what the client sends next
	written []string
	ended   bool
}

// validity is a UIDVALIDITY, which is another each time.
var validity = regexp.MustCompile(`\b\d{9,}-`)

func (p *player) line(line string, more bool) {
	kind, rest, _ := strings.Cut(line, ":")
	rest = strings.TrimPrefix(rest, " ")
	switch kind {
	case "S":
		p.expect(line)
		return
	case "mail":
		p.deliver(unescape(rest))
	case "gone":
		p.connect()
		p.read()
		uid, _ := strconv.Atoi(rest)
		p.remove(gomail.UID(uid))
	case "C", "TLS", "has":
		p.connect()
	}
	switch kind {
	case "C":
		if p.pending == "" {
			p.read()
		}
		p.pending += unescape(rest) + "\r\n"
		p.written = append(p.written, line)
		if !more {
			io.WriteString(p.conn, p.pending)
			p.pending = ""
		}
		return
	case "TLS":
		p.read()
		p.conn.SetDeadline(time.Now().Add(20 * time.Second))
		conn := tls.Client(p.conn, clientTLS())
		if err := conn.Handshake(); err != nil {
			p.t.Fatal(err)
		}
		p.conn, p.in = conn, bufio.NewReader(conn)
	case "has":
		p.read()
		line = "has: " + p.flags()
	}
	p.written = append(p.written, line)
}

func unescape(text string) string {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		panic(err)
	}
	return text
}

// connect connects when the transcript comes to the client.
func (p *player) connect() {
	if p.conn != nil {
		return
	}
	var err error
	if p.conn, err = net.Dial("tcp", p.addr); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { p.conn.Close() })
	p.in = bufio.NewReader(p.conn)
	if strings.Contains(strings.Join(p.written, "\n"), "implicit") {
		p.conn = tls.Client(p.conn, clientTLS())
		p.in = bufio.NewReader(p.conn)
	}
}

// expect reads a line and holds it against the transcript's.
func (p *player) expect(want string) {
	if *update {
		return // read notes what comes instead
	}
	p.connect()
	p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	line, err := p.in.ReadString('\n')
	got := "S: <end>"
	if err == nil {
		got = shown(line)
	}
	if p.written = append(p.written, got); got != want {
		p.t.Errorf("%q after %q, want %q", got, p.written[max(0, len(p.written)-3):], want)
	}
}

// shown is a line of the server as transcripts have it.
func shown(line string) string {
	text := strconv.Quote(strings.TrimSuffix(line, "\r\n"))
	return "S: " + validity.ReplaceAllString(strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`), "<n>-")
}

// read notes, when transcripts are written anew, what the server says until it
// waits for the client.
func (p *player) read() {
	if p.ended || !*update {
		return
	}
	for wait := 10 * time.Second; ; wait = 150 * time.Millisecond {
		p.conn.SetReadDeadline(time.Now().Add(wait))
		line, err := p.in.ReadString('\n')
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if line != "" {
				p.t.Fatalf("the server said half a line: %q", line)
			}
			return
		}
		if err != nil {
			p.ended = true
			p.written = append(p.written, "S: <end>")
			return
		}
		p.written = append(p.written, shown(line))
	}
}

// rest holds the server to having said no more.
func (p *player) rest() {
	p.connect()
	p.read()
	if *update {
		return
	}
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if more, err := io.ReadAll(p.in); len(more) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("in the end the server says %q, %v", more, err)
	}
}

// remove has another program remove a message.
func (p *player) remove(uid gomail.UID) {
	box := p.inbox()
	if _, err := box.SetFlags(p.t.Context(), []gomail.UID{uid}, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}); err != nil {
		p.t.Fatal(err)
	}
	if _, _, err := box.Expunge(p.t.Context(), []gomail.UID{uid}); err != nil {
		p.t.Fatal(err)
	}
}
