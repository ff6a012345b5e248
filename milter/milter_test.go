package milter_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/emersion/go-milter"
	"go.uber.org/goleak"

	"gomail"
	"gomail/message"
	"gomail/milter"
)

// filter is a milter of a test: what it answers at each step, and what it
// changes at the end.
type filter struct {
	wire.NoOpMilter
	at    map[string]wire.Response
	end   func(m *wire.Modifier) error
	notes *notes
}

// notes are what milters heard.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

func (f *filter) answer(step string) (wire.Response, error) {
	if r := f.at[step]; r != nil {
		return r, nil
	}
	return wire.RespContinue, nil
}

func (f *filter) Connect(host, family string, port uint16, addr net.IP, m *wire.Modifier) (wire.Response, error) {
	f.notes.add("connect %s %s %d %s j=%s daemon=%s", host, family, port, addr, m.Macros["j"], m.Macros["{daemon_name}"])
	return f.answer("connect")
}

func (f *filter) Helo(name string, m *wire.Modifier) (wire.Response, error) {
	f.notes.add("helo %s", name)
	return f.answer("helo")
}

func (f *filter) MailFrom(from string, m *wire.Modifier) (wire.Response, error) {
	f.notes.add("mail %s i=%s auth=%s", from, m.Macros["i"], m.Macros["{auth_authen}"])
	return f.answer("mail")
}

func (f *filter) RcptTo(to string, m *wire.Modifier) (wire.Response, error) {
	f.notes.add("rcpt %s", to)
	return f.answer("rcpt " + to)
}

func (f *filter) Header(name, value string, m *wire.Modifier) (wire.Response, error) {
	f.notes.add("header %s=%q", name, value)
	return f.answer("header")
}

func (f *filter) BodyChunk(chunk []byte, m *wire.Modifier) (wire.Response, error) {
	f.notes.add("body %d %.20q", len(chunk), chunk)
	return f.answer("body")
}

func (f *filter) Body(m *wire.Modifier) (wire.Response, error) {
	if f.end != nil {
		if err := f.end(m); err != nil {
			return nil, err
		}
	}
	if r := f.at["end"]; r != nil {
		return r, nil
	}
	return wire.RespAccept, nil
}

// run serves a milter on a Unix socket.
func run(t *testing.T, f *filter) (address string, heard *notes) {
	t.Helper()
	heard = &notes{}
	path := filepath.Join(t.TempDir(), "milter")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &wire.Server{
		NewMilter: func() wire.Milter { c := *f; c.notes = heard; return &c },
		Actions:   wire.OptAddHeader | wire.OptChangeHeader | wire.OptChangeBody | wire.OptAddRcpt | wire.OptRemoveRcpt | wire.OptQuarantine,
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { l.Close(); <-done })
	return "unix:" + path, heard
}

const sample = "Received: from x\r\nSubject: one\r\n two\r\nSubject: second\r\n\r\nline 1\r\nline 2\r\n"

var anna, bert = address("anna@example.com"), address("bert@example.com")

func address(s string) gomail.Address {
	a, err := gomail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// pass takes the sample through milters, to anna and bert. refused are
// recipients that were not accepted.
func pass(t *testing.T, c milter.Config, milters ...string) (r message.Revision, refused map[string]error, err error) {
	t.Helper()
	c.Hostname = "mail.example.com"
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	chain, err := milter.New(c, milters...)
	if err != nil {
		t.Fatal(err)
	}
	client := milter.Client{Addr: netip.MustParseAddrPort("192.0.2.7:1234"), Helo: "mx.example.net", Account: "anna@example.com", ID: "msg1", Submission: true}
	m, err := chain.Begin(t.Context(), client, address("joe@example.net"))
	if err != nil {
		return r, nil, err
	}
	defer m.Close()
	refused = map[string]error{}
	for _, to := range []gomail.Address{anna, bert} {
		if err := m.Rcpt(t.Context(), to); err != nil {
			refused[to.String()] = err
		}
	}
	head, body, _ := strings.Cut(sample, "\r\n\r\n")
	header, err := message.ParseHeader([]byte(head + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err = m.Examine(t.Context(), header, func() io.Reader { return strings.NewReader(body) })
	return r, refused, err
}

// A milter hears all of a message, as its protocol has it.
func TestWhatAMilterHears(t *testing.T) {
	at, heard := run(t, &filter{})
	r, refused, err := pass(t, milter.Config{}, at)
	if err != nil || len(refused) > 0 || r.ReplaceBody || r.Discard || r.Quarantine != "" || string(r.Header.Bytes())+"\r\nline 1\r\nline 2\r\n" != sample {
		t.Errorf("%+v, %v, %v", r, refused, err)
	}
	want := `connect [192.0.2.7] tcp4 1234 192.0.2.7 j=mail.example.com daemon=submission
helo mx.example.net
mail joe@example.net i=msg1 auth=anna@example.com
rcpt anna@example.com
rcpt bert@example.com
header Received="from x"
header Subject="one\n two"
header Subject="second"
body 16 "line 1\r\nline 2\r\n"`
	if heard.String() != want {
		t.Errorf("it heard\n%s\nwant\n%s", heard, want)
	}
}

// Every answer at every step.
func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		step   string
		answer wire.Response
		kind   gomail.Kind
		text   string
	}{
		{"connect", wire.RespReject, gomail.Refused, "not wanted"},
		{"connect", wire.RespTempFail, gomail.Unavailable, "try again later"},
		{"helo", wire.RespReject, gomail.Refused, "not wanted"},
		{"mail", wire.RespReject, gomail.Refused, "not wanted"},
		{"mail", wire.NewResponseStr('y', "550 5.7.1 your name is on a list"), gomail.Refused, "your name is on a list"},
		{"mail", wire.NewResponseStr('y', "451 greylisted, come back"), gomail.Unavailable, "greylisted, come back"},
		{"header", wire.RespReject, gomail.Refused, "not wanted"},
		{"body", wire.RespTempFail, gomail.Unavailable, "try again later"},
		{"end", wire.RespReject, gomail.Refused, "not wanted"},
		{"end", wire.RespTempFail, gomail.Unavailable, "try again later"},
		{"end", wire.NewResponseStr('y', "554 5.7.1 a virus:\r\n EICAR"), gomail.Refused, "a virus: EICAR"},
		{"end", wire.NewResponseStr('y', "554 5.7.1 "+strings.Repeat("x", 5000)), gomail.Refused, "xxxx"},
		{"end", wire.NewResponseStr('y', "250 2.0.0 fine"), gomail.Unavailable, "a filter is away"},
		{"end", wire.NewResponseStr('y', "abc what"), gomail.Unavailable, "a filter is away"},
		{"end", wire.NewResponseStr('?', "what"), gomail.Unavailable, "a filter is away"},
		{"mail", wire.NewResponseStr('+', "<x@example.com>"), gomail.Unavailable, "a filter is away"},
	} {
		at, _ := run(t, &filter{at: map[string]wire.Response{test.step: test.answer}})
		_, _, err := pass(t, milter.Config{}, at)
		if gomail.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.text) || len(err.Error()) > 600 {
			t.Errorf("%v at %s: %v (%v)", test.answer, test.step, err, gomail.KindOf(err))
		}
	}
}

// A recipient can be refused alone; the others keep the message.
func TestRecipientVerdict(t *testing.T) {
	at, _ := run(t, &filter{at: map[string]wire.Response{"rcpt anna@example.com": wire.RespReject}})
	_, refused, err := pass(t, milter.Config{}, at)
	if err != nil || len(refused) != 1 || gomail.KindOf(refused["anna@example.com"]) != gomail.Refused {
		t.Errorf("%v, %v", refused, err)
	}
}

// Accept ends the questions; discard takes the message and forgets it.
func TestAcceptAndDiscard(t *testing.T) {
	for _, step := range []string{"connect", "mail", "rcpt anna@example.com", "header", "body", "end"} {
		at, heard := run(t, &filter{at: map[string]wire.Response{step: wire.RespAccept}})
		r, _, err := pass(t, milter.Config{}, at)
		if err != nil || r.Discard {
			t.Errorf("accepted at %s: %+v, %v", step, r, err)
		}
		if step == "mail" && strings.Contains(heard.String(), "rcpt") {
			t.Errorf("accepted at %s, it heard\n%s", step, heard)
		}
		at, _ = run(t, &filter{at: map[string]wire.Response{step: wire.RespDiscard}})
		if r, _, err := pass(t, milter.Config{}, at); err != nil || !r.Discard {
			t.Errorf("discarded at %s: %+v, %v", step, r, err)
		}
	}
}

// Everything that a milter may change, and that a second one sees it.
func TestChanges(t *testing.T) {
	first, _ := run(t, &filter{end: func(m *wire.Modifier) error {
		m.AddHeader("X-Added", "at the end\n\tfolded")
		m.InsertHeader(1, "X-Top", "first")
		m.InsertHeader(3, "X-Third", "third")
		m.ChangeHeader(2, "subject", "changed")
		m.ChangeHeader(1, "Received", "")
		m.ChangeHeader(1, "X-New", "made\nBcc: evil@example.net")
		m.AddHeader("Bad Name", "left out")
		m.AddRecipient("carl@example.com")
		m.DeleteRecipient("bert@example.com")
		m.AddRecipient("not an address")
		m.ReplaceBody([]byte("new\nbody"))
		m.ReplaceBody([]byte(" in pieces\r\n"))
		return m.Quarantine("it looks odd")
	}})
	second, heard := run(t, &filter{end: func(m *wire.Modifier) error { return m.AddRecipient("bert@example.com") }})
	r, _, err := pass(t, milter.Config{}, first, second)
	if err != nil {
		t.Fatal(err)
	}
	want := "X-Top: first\r\nX-Third: third\r\nSubject: one\r\n two\r\nsubject: changed\r\nX-Added: at the end\r\n\tfolded\r\nX-New: made\r\n Bcc: evil@example.net\r\n"
	if got := string(r.Header.Bytes()); got != want {
		t.Errorf("the header is\n%s\nwant\n%s", got, want)
	}
	if string(r.Body) != "new\r\nbody in pieces\r\n" || !r.ReplaceBody || r.Quarantine != "it looks odd" {
		t.Errorf("%q, put aside because %q", r.Body, r.Quarantine)
	}
	if fmt.Sprint(r.Add, r.Remove) != "[carl@example.com bert@example.com] []" {
		t.Errorf("added %v, removed %v", r.Add, r.Remove)
	}
	if !strings.Contains(heard.String(), `header X-Top="first"`) || !strings.Contains(heard.String(), `"new\r\nbody in pieces"`) && !strings.Contains(heard.String(), `"new\r\nbody in piece`) {
		t.Errorf("the second heard\n%s", heard)
	}
}

// A milter that is away, silent, or not one.
func TestAway(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	dir := t.TempDir()
	strange := func(name string, serve func(net.Conn)) string {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				serve(c)
				c.Close()
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
		return "unix:" + filepath.Join(dir, name)
	}
	for name, at := range map[string]string{
		"nobody":   "unix:" + filepath.Join(dir, "nobody"),
		"silent":   strange("silent", func(c net.Conn) { io.Copy(io.Discard, c) }),
		"gone":     strange("gone", func(net.Conn) {}),
		"not one":  strange("other", func(c net.Conn) { io.WriteString(c, "220 an SMTP server\r\n"); io.Copy(io.Discard, c) }),
		"too much": strange("much", func(c net.Conn) { c.Write([]byte{0xff, 0xff, 0xff, 0xff}); io.Copy(io.Discard, c) }),
		"old": strange("old", func(c net.Conn) {
			c.Write([]byte("\x00\x00\x00\x0dO\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
			io.Copy(io.Discard, c)
		}),
		"progresses": strange("progress", func(c net.Conn) {
			c.Write([]byte("\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00\x00\x00\x01p", 1000)))
			io.Copy(io.Discard, c)
		}),
	} {
		c := milter.Config{Timeout: 100 * time.Millisecond, MaxBytes: 4000}
		if _, _, err := pass(t, c, at); gomail.KindOf(err) != gomail.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		c.Accept = true
		if r, refused, err := pass(t, c, at); err != nil || len(refused) > 0 || len(r.Header) != 3 {
			t.Errorf("%s, and mail goes on without it: %v, %v", name, refused, err)
		}
	}
}

// Mail goes on without a milter that ends in the middle of a message, as if it
// had not been there.
func TestDiesInTheMiddle(t *testing.T) {
	at, _ := run(t, &filter{end: func(*wire.Modifier) error { return fmt.Errorf("it broke") }})
	if _, _, err := pass(t, milter.Config{}, at); gomail.KindOf(err) != gomail.Unavailable {
		t.Errorf("%v", err)
	}
	if r, _, err := pass(t, milter.Config{Accept: true}, at); err != nil || len(r.Header) != 3 {
		t.Errorf("%v", err)
	}
}

func TestAddresses(t *testing.T) {
	for text, ok := range map[string]bool{
		"unix:/run/x": true, "local:/run/x": true, "inet:127.0.0.1:1": true, "inet6:[::1]:1": true, "tcp:localhost:11332": true,
		"": false, "unix:": false, "unix:x": false, "/run/x": false, "inet:127.0.0.1": false, "inet::1": false, "inet:x:0": false, "http://x:1": false,
	} {
		if _, err := milter.New(milter.Config{}, text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	var none *milter.Chain
	if !none.Empty() {
		t.Error("no chain is not empty")
	}
}

// FuzzAnswers has a milter answer anything.
func FuzzAnswers(f *testing.F) {
	const hello = "\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x00\x3f\x00\x00\x00\x00"
	f.Add([]byte(hello + strings.Repeat("\x00\x00\x00\x01c", 12) + "\x00\x00\x00\x08hA\x00b\nc\x00\x00\x00\x00\x01a"))
	f.Add([]byte(hello + "\x00\x00\x00\x01a"))
	f.Add([]byte(hello + "\x00\x00\x00\x0ay550 5.7.1"))
	f.Add([]byte("\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x00\x3f\x00\x0f\xf0\x9f" + "\x00\x00\x00\x0bi\xff\xff\xff\xffX\x00y\x00\x00\x00\x00\x00\x01c"))
	f.Fuzz(func(t *testing.T, answers []byte) {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "m"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Write(answers)
				c.(*net.UnixConn).CloseWrite()
				io.Copy(io.Discard, c)
				c.Close()
			}
		}()
		defer func() { l.Close(); <-done }()
		chain, err := milter.New(milter.Config{Hostname: "mail.example.com", Timeout: time.Second, MaxBytes: 1 << 16}, "unix:"+l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		m, err := chain.Begin(context.Background(), milter.Client{Helo: "x"}, anna)
		if err != nil {
			return
		}
		defer m.Close()
		m.Rcpt(context.Background(), bert)
		header, _ := message.ParseHeader([]byte("Subject: x\r\n"))
		r, err := m.Examine(context.Background(), header, func() io.Reader { return strings.NewReader("x\r\n") })
		if err != nil {
			return
		}
		again, err := message.ParseHeader(append(r.Header.Bytes(), "\r\nbody"...))
		if err != nil || len(again) != len(r.Header) {
			t.Errorf("the header is not as many fields as it says: %q (%v)", r.Header.Bytes(), err)
		}
		if r.ReplaceBody && (strings.Contains(strings.ReplaceAll(string(r.Body), "\r\n", ""), "\n") || strings.ContainsAny(string(r.Body), "\x00")) {
			t.Errorf("the body is %q", r.Body)
		}
	})
}
