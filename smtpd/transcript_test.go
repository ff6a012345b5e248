package smtpd

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the S: and B: lines of the transcripts anew")

// TestTranscripts plays testdata/*.txt. Their lines:
//
//	#       why the transcript is there
//	config: words that change the server: submission, tls, implicit, lmtp, future, scram (first), or limit=value
//	C:      a line that the client sends; neighbours go in one write
//	C|:     the same without CRLF, with Go's escapes
//	TLS:    the client begins TLS
//	HALF:   the client closes its sending side
//	S:      a line that the server must send; <end> is the end of the connection
//	B:      what the backend was asked until then
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			playFile(t, file)
		})
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	b := &recorder{scram: bytes.Contains(text, []byte("\nconfig: scram"))}
	p := &player{t: t, backend: b, update: *update, file: file}
	p.dial(startServer(t, transcriptConfig(t, lines), b))
	p.play(lines)
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(p.written, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// transcriptConfig makes the configuration that the config: lines describe.
func transcriptConfig(t *testing.T, lines []string) Config {
	cfg := Config{Hostname: "mx.example.com", MaxMessageSize: 100_000}
	for _, line := range lines {
		words, ok := strings.CutPrefix(line, "config:")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(words) {
			key, value, _ := strings.Cut(word, "=")
			n, _ := strconv.Atoi(value)
			switch key {
			case "submission":
				cfg.Submission = true
				cfg.TLS = testTLS(t)
			case "future":
				cfg.MaxHold, cfg.DeliverBy = 100*time.Second, true
				cfg.Clock = func() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }
			case "scram":
			case "lmtp":
				cfg.LMTP = true
			case "tls":
				cfg.TLS = testTLS(t)
			case "implicit":
				cfg.TLS = testTLS(t)
				cfg.ImplicitTLS = true
			case "recipients":
				cfg.MaxRecipients = n
			case "messages":
				cfg.MaxMessages = n
			case "errors":
				cfg.MaxErrors = n
			case "refused":
				cfg.MaxRefusedRecipients = n
			case "commands":
				cfg.MaxCommands = n
			case "size":
				cfg.MaxMessageSize = int64(n)
			default:
				t.Fatalf("unknown config word %q", word)
			}
		}
	}
	return cfg
}

// player is the client's side of a transcript.
type player struct {
	t       *testing.T
	backend *recorder
	file    string
	conn    net.Conn
	raw     *net.TCPConn
	r       *bufio.Reader
	send    bytes.Buffer
	events  []string
	update  bool
	written []string
}

func (p *player) dial(addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	p.raw = c.(*net.TCPConn)
	p.use(c)
}

func (p *player) use(c net.Conn) {
	p.conn = c
	p.r = bufio.NewReader(c)
	c.SetDeadline(time.Now().Add(20 * time.Second))
}

func (p *player) play(lines []string) {
	for i, line := range lines {
		kind, rest, _ := strings.Cut(line, ":")
		rest = strings.TrimPrefix(rest, " ")
		if kind != "C" && kind != "C|" {
			p.flush(i)
		}
		if p.update && (kind == "S" || kind == "B") {
			if i == 0 || !strings.HasPrefix(lines[i-1], "S:") && !strings.HasPrefix(lines[i-1], "B:") {
				p.record()
			}
			continue
		}
		p.written = append(p.written, line)
		p.act(i, kind, rest)
	}
	p.flush(len(lines))
	if p.events = append(p.events, p.backend.take()...); len(p.events) > 0 {
		p.t.Errorf("%s: the backend was also asked %q", p.file, p.events)
	}
}

// act carries out one line.
func (p *player) act(i int, kind, rest string) {
	switch kind {
	case "C":
		p.send.WriteString(rest + "\r\n")
	case "C|":
		raw, err := strconv.Unquote(`"` + rest + `"`)
		if err != nil {
			p.t.Fatalf("%s:%d: %v", p.file, i+1, err)
		}
		p.send.WriteString(raw)
	case "TLS":
		p.startTLS()
	case "HALF":
		p.raw.CloseWrite()
	case "S":
		p.expect(i, rest)
	case "B":
		p.expectEvent(i, rest)
	case "", "config":
	default:
		if !strings.HasPrefix(kind, "#") {
			p.t.Fatalf("%s:%d: no such kind of line: %s", p.file, i+1, kind)
		}
	}
}

func (p *player) flush(i int) {
	if p.send.Len() == 0 {
		return
	}
	if _, err := p.conn.Write(p.send.Bytes()); err != nil {
		p.t.Fatalf("%s:%d: %v", p.file, i+1, err)
	}
	p.send.Reset()
}

func (p *player) startTLS() {
	c := tls.Client(p.raw, &tls.Config{InsecureSkipVerify: true})
	p.raw.SetDeadline(time.Now().Add(20 * time.Second))
	if err := c.Handshake(); err != nil {
		p.t.Fatalf("%s: TLS: %v", p.file, err)
	}
	p.use(c)
}

func (p *player) readLine() string {
	line, err := p.r.ReadString('\n')
	if err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			return "<nothing>"
		}
		return "<end>"
	}
	if !strings.HasSuffix(line, "\r\n") {
		p.t.Errorf("%s: the reply line %q does not end in CRLF", p.file, line)
	}
	if len(line) > 512 {
		p.t.Errorf("%s: the reply line %q is longer than 512 octets", p.file, line)
	}
	return strings.TrimRight(line, "\r\n")
}

func (p *player) expect(i int, want string) {
	if got := p.readLine(); got != want {
		p.t.Fatalf("%s:%d:\n got  S: %s\n want S: %s", p.file, i+1, got, want)
	}
}

func (p *player) expectEvent(i int, want string) {
	if p.events = append(p.events, p.backend.take()...); len(p.events) == 0 {
		p.t.Fatalf("%s:%d: the backend was not asked: %s", p.file, i+1, want)
	}
	if got := p.events[0]; got != want {
		p.t.Fatalf("%s:%d:\n got  B: %s\n want B: %s", p.file, i+1, got, want)
	}
	p.events = p.events[1:]
}

// record writes down what the server says until it is quiet.
func (p *player) record() {
	for {
		p.conn.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
		line := p.readLine()
		if line == "<nothing>" {
			break
		}
		p.written = append(p.written, "S: "+line)
		if line == "<end>" {
			break
		}
	}
	for _, e := range p.backend.take() {
		p.written = append(p.written, "B: "+e)
	}
}
