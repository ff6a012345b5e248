package imapd_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/imapd"
)

var update = flag.Bool("update", false, "write the S: lines of the transcripts anew")

// TestTranscripts plays testdata/*.txt. Their lines:
//
//	#       why the transcript is there
//	config: words: plain (no TLS at first), open (not signed in at first),
//	        scram (SCRAM is offered),
//	        as=NAME and as2=NAME, who is signed in (anna), clock= (milliseconds by which it goes on),
//	        or a limit: size=, errors=, idle=, auth= (milliseconds)
//	mail:   delivers testdata/FILE to a mailbox: INBOX FILE \Seen keyword
//	C:      a line that the client sends
//	C|:     the same without CRLF, with Go's escapes
//	TLS:    the client begins TLS
//	DEFLATE: it deflates from here on, and inflates
//	S:      a line that the server sends in answer; <end> is the end of the
//	        connection, <n> a number that changes
//	C2: S2: the same in a second session
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
	p := &player{t: t, file: file, lines: strings.Split(strings.TrimRight(string(text), "\n"), "\n"), as: "anna"}
	p.start()
	p.play()
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(p.written, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// player is the clients' side of a transcript.
type player struct {
	t       *testing.T
	file    string
	lines   []string
	house   *house
	valid   string // the UIDVALIDITY seen last, <uidvalidity> in C: lines
	scram   bool
	plain   bool
	open    bool
	as, as2 string
	clients map[string]*client
	written []string
}

// client is one connection.
type client struct {
	conn net.Conn
	r    *bufio.Reader

	player *player
	tag    string // of the command sent last
}

func (p *player) start() {
	cfg := imapd.Config{TLS: serverTLS()}
	for _, line := range p.lines {
		words, ok := strings.CutPrefix(line, "config:")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(words) {
			p.configure(&cfg, word)
		}
	}
	cfg.ImplicitTLS = !p.plain
	p.house = newHouse(p.t, cfg, func(h *house) { h.scram = p.scram })
	p.clients = map[string]*client{}
}

func (p *player) configure(cfg *imapd.Config, word string) {
	key, value, _ := strings.Cut(word, "=")
	n, _ := strconv.Atoi(value)
	switch key {
	case "plain":
		p.plain, p.open = true, true
	case "open":
		p.open = true
	case "scram":
		p.scram = true
	case "as":
		p.as = value
	case "as2":
		p.as2 = value
	case "size":
		cfg.MaxMessageSize = int64(n)
	case "clock": // goes on by so many milliseconds whenever somebody looks
		step := time.Duration(n) * time.Millisecond
		var looked atomic.Int64
		cfg.Clock = func() time.Time {
			return time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC).Add(time.Duration(looked.Add(1)) * step)
		}
	case "errors":
		cfg.MaxErrors = n
	case "idle":
		cfg.IdleTimeout = time.Duration(n) * time.Millisecond
	case "auth":
		cfg.AuthTimeout = time.Duration(n) * time.Millisecond
	default:
		p.t.Fatalf("unknown config word %q", word)
	}
}

// client returns the connection of a name, "" or "2", opening it first.
func (p *player) client(name string) *client {
	if c := p.clients[name]; c != nil {
		return c
	}
	var conn net.Conn
	if p.plain {
		var err error
		if conn, err = net.Dial("tcp", p.house.addr); err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { conn.Close() })
	} else {
		conn = p.house.dialTLS()
	}
	c := &client{player: p}
	c.use(conn)
	p.clients[name] = c
	if !p.open {
		c.line(p.t)
		as := p.as
		if name == "2" && p.as2 != "" {
			as = p.as2
		}
		conn.Write([]byte("login LOGIN " + as + "@example.com secret\r\n"))
		if line := c.line(p.t); !strings.HasPrefix(line, "login OK") {
			p.t.Fatal(line)
		}
	}
	return c
}

func (c *client) use(conn net.Conn) {
	c.conn = conn
	c.r = bufio.NewReader(conn)
	conn.SetDeadline(time.Now().Add(20 * time.Second))
}

func (c *client) line(t *testing.T) string {
	line, err := c.r.ReadString('\n')
	if m := uidValidity.FindStringSubmatch(line); m != nil {
		c.player.valid = m[1]
	}
	if err != nil {
		if line != "" {
			t.Errorf("the connection ended within %q", line)
		}
		return "<end>"
	}
	return strings.TrimRight(line, "\r\n")
}

func (p *player) play() {
	for i := 0; i < len(p.lines); i++ {
		kind, rest, _ := strings.Cut(p.lines[i], ":")
		rest = strings.TrimPrefix(rest, " ")
		name, isServer := strings.CutPrefix(kind, "S")
		switch {
		case isServer && *update:
			n := p.block(i, kind)
			p.record(i, i+n, kind)
			i += n - 1
		case isServer:
			p.expect(i, p.client(name), rest)
		default:
			p.written = append(p.written, p.lines[i])
			p.act(kind, rest)
		}
	}
}

// block returns how many lines of that kind follow one another from i on.
func (p *player) block(i int, kind string) int {
	n := 0
	for i+n < len(p.lines) && strings.HasPrefix(p.lines[i+n], kind+":") {
		n++
	}
	return n
}

// record writes what the server says in place of the lines from i up to end:
// as many, or, where the first is bare, up to the end of the answer. A last
// line <end> stays.
func (p *player) record(i, end int, kind string) {
	c := p.client(strings.TrimPrefix(kind, "S"))
	auto := p.lines[i] == kind+":"
	for n := i; ; n++ {
		line := normalize(c.line(p.t))
		p.written = append(p.written, strings.TrimRight(kind+": "+line, " "))
		if line == "<end>" || auto && c.answered(line) || !auto && n == end-1 {
			break
		}
	}
	for _, line := range p.lines[i+1 : end] {
		if auto && line == kind+": <end>" {
			p.expect(end, c, "<end>")
			p.written = append(p.written, line)
		}
	}
}

// answered reports whether a line ends the answer to the command sent last.
func (c *client) answered(line string) bool {
	return strings.HasPrefix(line, "+ ") || line == "+" || strings.HasPrefix(line, "* BAD ") || strings.HasPrefix(line, c.tag+" ")
}

func (p *player) expect(i int, c *client, want string) {
	if got := normalize(c.line(p.t)); strings.TrimRight(got, " ") != want {
		p.t.Fatalf("%s:%d:\n got %s\nwant %s", p.file, i+1, got, want)
	}
}

func (p *player) act(kind, rest string) {
	rest = strings.ReplaceAll(rest, "<uidvalidity>", p.valid)
	switch kind {
	case "C", "C2":
		p.send(p.client(kind[1:]), rest, rest+"\r\n")
	case "C|", "C2|":
		raw, err := strconv.Unquote(`"` + strings.ReplaceAll(rest, `"`, `\"`) + `"`)
		if err != nil {
			p.t.Fatalf("%q: %v", rest, err)
		}
		p.send(p.client(strings.TrimRight(kind[1:], "|")), raw, raw)
	case "TLS":
		c := p.client("")
		conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
		if err := conn.Handshake(); err != nil {
			p.t.Fatal(err)
		}
		c.use(conn)
	case "DEFLATE":
		c := p.client("")
		c.use(&deflated{Conn: c.conn, r: flate.NewReader(c.conn)})
	case "mail":
		p.deliver(strings.Fields(rest))
	}
}

func (p *player) send(c *client, text, raw string) {
	if tag, _, ok := strings.Cut(text, " "); ok && regexp.MustCompile(`^[a-zA-Z]+[0-9]+$`).MatchString(tag) {
		c.tag = tag
	}
	if _, err := c.conn.Write([]byte(raw)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) deliver(words []string) {
	raw, err := os.ReadFile(filepath.Join("testdata", words[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	var flags gomail.Flags
	var keywords []string
	for _, word := range words[2:] {
		if f, ok := gomail.ParseFlag(word); ok {
			flags |= f
		} else {
			keywords = append(keywords, word)
		}
	}
	p.house.deliver(words[0], string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))), flags, keywords...)
}

// deflated is a connection that deflates what it writes. The end of each flush
// goes with what is written next: until then the server has no more to go by
// than after a partial flush, with which some clients end what they send.
type deflated struct {
	net.Conn
	r    io.Reader
	held []byte
}

func (d *deflated) Read(p []byte) (int, error) { return d.r.Read(p) }

func (d *deflated) Write(p []byte) (int, error) {
	b := bytes.NewBuffer(d.held)
	w, err := flate.NewWriter(b, flate.BestSpeed)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(p); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	now := b.Len() - len("\x00\x00\xff\xff")
	d.held = bytes.Clone(b.Bytes()[now:])
	_, err = d.Conn.Write(b.Bytes()[:now])
	return len(p), err
}

var uidValidity = regexp.MustCompile(`[\[(]UIDVALIDITY ([0-9]+)[\] )]`)

var changing = regexp.MustCompile(`(UIDVALIDITY |APPENDUID |COPYUID |MAILBOXID \(F|EMAILID \(M)[0-9]+(-[0-9]+)?`)

// normalize takes out what differs from run to run.
func normalize(line string) string { return changing.ReplaceAllString(line, "${1}<n>") }
