package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// step is one line of a script with what is sent after it.
type step struct {
	session string
	mail    []string // mailbox, file, flags
	command string
	more    []string // as they stand
}

func (s step) String() string {
	if s.mail != nil {
		return "mail " + strings.Join(s.mail, " ")
	}
	text := s.command
	for _, more := range s.more {
		text += " + " + more
	}
	if s.session != "" {
		text = s.session + ": " + text
	}
	return text
}

func readScript(t testing.TB, path string) []step {
	t.Helper()
	var steps []step
	for line := range strings.Lines(readFile(t, path)) {
		kind, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		rest = strings.TrimPrefix(rest, " ")
		switch {
		case strings.HasPrefix(line, "#"), kind == "":
		case kind == "mail":
			steps = append(steps, step{mail: strings.Fields(rest)})
		case kind == "+":
			last := &steps[len(steps)-1]
			last.more = append(last.more, rest)
		case kind == "C", kind == "C2":
			steps = append(steps, step{session: kind[1:], command: rest})
		default:
			t.Fatalf("%s: no such line: %s", path, line)
		}
	}
	return steps
}

// scriptPlayer plays a script to one server.
type scriptPlayer struct {
	t        testing.TB
	address  string
	as       account
	sessions map[string]*session
	valid    string
	modSeq   string
}

// session is a connection, signed in.
type session struct {
	conn net.Conn
	r    *bufio.Reader
	tags int
}

// playScript returns the answer to each step.
func playScript(t testing.TB, steps []step, address string, as account) []*answer {
	t.Helper()
	p := &scriptPlayer{t: t, address: address, as: as, sessions: map[string]*session{}, valid: "1", modSeq: "1"}
	var answers []*answer
	for _, step := range steps {
		s := p.session(step.session)
		if step.mail != nil {
			step = appendStep(t, step.mail)
		}
		answers = append(answers, p.play(s, step))
	}
	for _, s := range p.sessions {
		s.conn.Close()
	}
	return answers
}

func (p *scriptPlayer) session(name string) *session {
	if s := p.sessions[name]; s != nil {
		return s
	}
	conn, err := tls.Dial("tcp", p.address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		p.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	s := &session{conn: conn, r: bufio.NewReader(conn)}
	p.sessions[name] = s
	if _, err := s.response(); err != nil {
		p.t.Fatal(err)
	}
	if a := p.play(s, step{command: fmt.Sprintf("LOGIN %s %q", p.as.Address, p.as.Password)}); a.status != "OK" {
		p.t.Fatalf("sign-in at %s: %v", p.address, a.lines())
	}
	return s
}

// appendStep puts a message of imapd's tests into a mailbox.
func appendStep(t testing.TB, mail []string) step {
	t.Helper()
	raw := readFile(t, filepath.Join("../imapd/testdata", mail[1]))
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	return step{
		command: fmt.Sprintf(`APPEND %s (%s) " 1-Apr-2026 10:20:30 +0000" {%d}`, mail[0], strings.Join(mail[2:], " "), len(raw)),
		more:    []string{strings.Trim(strconv.Quote(raw), `"`)},
	}
}

// play sends a command with what belongs to it and reads the answer.
func (p *scriptPlayer) play(s *session, step step) *answer {
	s.tags++
	tag := fmt.Sprintf("t%d", s.tags)
	command := strings.NewReplacer("<uidvalidity>", p.valid, "<modseq>", p.modSeq).Replace(step.command)
	s.send(tag + " " + command)
	a := &answer{command: command}
	for _, more := range step.more {
		if !strings.HasSuffix(command, "+}") && !p.read(s, a, tag, true) {
			return a
		}
		a.status = ""
		command = unescape(p.t, more)
		s.send(command)
	}
	p.read(s, a, tag, false)
	return a
}

func unescape(t testing.TB, text string) string {
	t.Helper()
	raw, err := strconv.Unquote(`"` + regexp.MustCompile(`(^|[^\\])"`).ReplaceAllString(text, `$1\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return raw
}

// read reads up to the end of the answer, or up to where the client may go on,
// and reports whether it may.
func (p *scriptPlayer) read(s *session, a *answer, tag string, more bool) bool {
	for {
		text, err := s.response()
		if err != nil {
			a.status = "<end>"
			return false
		}
		p.note(text)
		switch {
		case strings.HasPrefix(text, "+"):
			if a.status = "+"; more {
				return true
			}
			// The client has nothing more to say: the answer ends here.
			return false
		case strings.HasPrefix(text, tag+" "):
			a.end(strings.TrimPrefix(text, tag+" "))
			return false
		case strings.HasPrefix(text, "* "):
			a.add(strings.TrimPrefix(text, "* "))
		default:
			a.untagged = append(a.untagged, "not understood: "+text)
			return false
		}
	}
}

var (
	saidValidity = regexp.MustCompile(`UIDVALIDITY ([0-9]+)`)
	saidModSeq   = regexp.MustCompile(`HIGHESTMODSEQ ([0-9]+)`)
)

func (p *scriptPlayer) note(text string) {
	if m := saidValidity.FindStringSubmatch(text); m != nil {
		p.valid = m[1]
	}
	if m := saidModSeq.FindStringSubmatch(text); m != nil {
		p.modSeq = m[1]
	}
}

func (s *session) send(text string) { s.conn.Write([]byte(text + "\r\n")) }

var literalEnd = regexp.MustCompile(`\{([0-9]+)\}\r\n$`)

// response reads a line with the literals within, without its end.
func (s *session) response() (string, error) {
	var b bytes.Buffer
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		b.WriteString(line)
		m := literalEnd.FindStringSubmatch(line)
		if m == nil {
			return strings.TrimSuffix(b.String(), "\r\n"), nil
		}
		n, _ := strconv.Atoi(m[1])
		if _, err := io.CopyN(&b, s.r, int64(n)); err != nil {
			return "", err
		}
	}
}

// readFile returns the text of a file of the tests.
func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// answers reports whether somebody listens at an address.
func answers(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
