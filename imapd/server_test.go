package imapd_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"go.uber.org/goleak"

	"gomail"
	"gomail/imapd"
	"gomail/mailbox"
	"gomail/store"
)

func implicit() imapd.Config { return imapd.Config{TLS: serverTLS(), ImplicitTLS: true} }

// session is a client that sends a command and reads its whole answer.
type session struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
	n int
}

func (h *house) session(t *testing.T) *session {
	s := &session{t: t, c: h.dialTLS()}
	s.r = bufio.NewReader(s.c)
	s.patience()
	s.line()
	s.ok("LOGIN anna@example.com secret")
	return s
}

// patience gives the server half a minute for what comes next, however long the
// session has lasted.
func (s *session) patience() { s.c.SetDeadline(time.Now().Add(30 * time.Second)) }

func (s *session) line() string {
	line, err := s.r.ReadString('\n')
	if err != nil {
		s.t.Errorf("%v after %q", err, line)
	}
	return strings.TrimRight(line, "\r\n")
}

// do sends a command and returns the lines of its answer.
func (s *session) do(format string, args ...any) []string {
	s.n++
	s.patience()
	tag := fmt.Sprintf("t%d", s.n)
	fmt.Fprintf(s.c, tag+" "+format+"\r\n", args...)
	var lines []string
	for !s.t.Failed() {
		line := s.line()
		lines = append(lines, line)
		if strings.HasPrefix(line, tag+" ") {
			break
		}
	}
	return lines
}

func (s *session) ok(format string, args ...any) []string {
	s.t.Helper()
	lines := s.do(format, args...)
	if last := lines[len(lines)-1]; !strings.Contains(last, " OK ") {
		s.t.Errorf("%s: %s", fmt.Sprintf(format, args...), last)
	}
	return lines
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLogHoldsNoSecrets signs in in every way and looks for the password.
func TestLogHoldsNoSecrets(t *testing.T) {
	var log lockedBuffer
	cfg := implicit()
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.MaxAuthFailures = 10
	h := newHouse(t, cfg)
	s := &session{t: t, c: h.dialTLS()}
	s.r = bufio.NewReader(s.c)
	s.line()
	s.do("LOGIN anna@example.com canary")
	s.do("LOGIN anna@example.com canary extra")
	s.do("AUTHENTICATE PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00anna@example.com\x00canary")))
	s.do("canary canary")
	s.ok("LOGIN anna@example.com secret")
	s.do("LOGOUT")
	s.c.Close()
	h.stop()
	if err := <-h.ended; err != nil {
		t.Error(err)
	}
	h.ended <- nil
	text := log.String()
	if strings.Contains(text, "canary") || strings.Contains(text, "secret") || !strings.Contains(text, "account=") {
		t.Errorf("the log:\n%s", text)
	}
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestShutdownSaysBye(t *testing.T) {
	h := newHouse(t, implicit())
	waiting, idling := h.session(t), h.session(t)
	idling.ok("SELECT INBOX")
	fmt.Fprint(idling.c, "i IDLE\r\n")
	idling.line()
	h.stop()
	for name, s := range map[string]*session{"waiting": waiting, "idling": idling} {
		if line := s.line(); !strings.HasPrefix(line, "* BYE [UNAVAILABLE]") {
			t.Errorf("%s: %q", name, line)
		}
		if _, err := s.r.ReadByte(); err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := <-h.ended; err != nil {
		t.Error(err)
	}
	h.ended <- nil
}

func TestConnectionLimits(t *testing.T) {
	cfg := implicit()
	cfg.MaxConnectionsPerAddress = 2
	refused := make(chan string, 1)
	cfg.Metrics.Refused = func(reason string) { refused <- reason }
	h := newHouse(t, cfg)
	h.session(t)
	second := h.session(t)
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	said, _ := io.ReadAll(c)
	if !strings.HasPrefix(string(said), "* BYE [LIMIT] ") || <-refused != "address" {
		t.Errorf("%q", said)
	}
	second.do("LOGOUT")
	second.c.Close()
	for try := 0; ; try++ { // the place is free once the session has ended
		s, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		s.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		said, _ := io.ReadAll(s)
		s.Close()
		if len(said) == 0 {
			break
		}
		if try == 1000 {
			t.Fatal("the place of an ended session is not given back")
		}
		<-refused
	}
}

// TestLargeMessageStreams sends and fetches a message that is far larger than
// any buffer.
func TestLargeMessageStreams(t *testing.T) {
	h := newHouse(t, implicit())
	s := h.session(t)
	line := strings.Repeat("0123456789abcdef", 4) + "\r\n"
	raw := "From: a@example.com\r\n\r\n" + strings.Repeat(line, 300_000)
	fmt.Fprintf(s.c, "big APPEND INBOX {%d+}\r\n", len(raw))
	io.WriteString(s.c, raw+"\r\n")
	if got := s.line(); !strings.HasPrefix(got, "big OK [APPENDUID") {
		t.Fatal(got)
	}
	s.ok("SELECT INBOX")
	fmt.Fprint(s.c, "get FETCH 1 BODY.PEEK[]\r\n")
	if got, want := s.line(), fmt.Sprintf("* 1 FETCH (BODY[] {%d}", len(raw)); got != want {
		t.Fatalf("%q, not %q", got, want)
	}
	back := make([]byte, len(raw))
	if _, err := io.ReadFull(s.r, back); err != nil || !bytes.Equal(back, []byte(raw)) {
		t.Fatal("the message came back changed", err)
	}
	if s.line() != ")" || !strings.HasPrefix(s.line(), "get OK") {
		t.Error("the response does not end")
	}
}

// TestAbortedAppend: a client that goes away within a message leaves nothing.
func TestAbortedAppend(t *testing.T) {
	h := newHouse(t, implicit())
	s := h.session(t)
	fmt.Fprint(s.c, "x APPEND INBOX {1000+}\r\nSubject: half\r\n")
	s.c.Close()
	other := h.session(t)
	if lines := other.ok("STATUS INBOX (MESSAGES)"); lines[0] != "* STATUS INBOX (MESSAGES 0)" {
		t.Error(lines[0])
	}
}

// TestPipelining sends many commands at once; the answers come in order.
func TestPipelining(t *testing.T) {
	h := newHouse(t, implicit())
	h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	s := h.session(t)
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "p%d SELECT INBOX\r\np%d UID FETCH 1 (FLAGS)\r\np%d UID STORE 1 %cFLAGS (\\Seen)\r\n", 3*i, 3*i+1, 3*i+2, "+-"[i%2])
	}
	go io.WriteString(s.c, b.String())
	for next := 0; next < 600; {
		line := s.line()
		if strings.HasPrefix(line, "* ") {
			continue
		}
		if !strings.HasPrefix(line, fmt.Sprintf("p%d OK", next)) {
			t.Fatalf("%q, waiting for p%d", line, next)
		}
		next++
	}
}

// mirror keeps a mailbox as a client that believes every response does.
type mirror struct {
	*session
	uids   []int
	shared bool // the mailbox is another's
}

// take applies untagged responses: EXPUNGE by number, EXISTS by count.
func (m *mirror) take(lines []string) {
	for _, line := range lines {
		var n, uid int
		switch {
		case scan(line, "* %d EXPUNGE", &n):
			if n < 1 || n > len(m.uids) {
				m.t.Errorf("%s, of %d messages", line, len(m.uids))
				return
			}
			m.uids = append(m.uids[:n-1], m.uids[n:]...)
		case scan(line, "* %d EXISTS", &n):
			if n < len(m.uids) {
				m.t.Errorf("%s, of %d messages", line, len(m.uids))
			}
			for len(m.uids) < n {
				m.uids = append(m.uids, 0)
			}
		case scan(line, "* %d FETCH (UID %d", &n, &uid):
			if n < 1 || n > len(m.uids) || m.uids[n-1] != 0 && m.uids[n-1] != uid {
				m.t.Errorf("%s, but number %d was UID %v", line, n, m.uids)
				return
			}
			m.uids[n-1] = uid
		}
	}
}

func scan(line, format string, into ...any) bool {
	n, _ := fmt.Sscanf(line, format, into...)
	return n == len(into) && (!strings.HasSuffix(format, "E") && !strings.HasSuffix(format, "S") || strings.HasSuffix(line, format[strings.LastIndexByte(format, ' '):]))
}

// TestConcurrentSessions has several clients change one mailbox at random.
// None may ever be told a sequence number that does not fit what it was told
// before, and in the end all see the same.
func TestConcurrentSessions(t *testing.T) { testConcurrentSessions(t, newHouse(t, implicit())) }

// TestConcurrentSessionsWithoutLog does the same where changes have to be
// found by comparing everything.
func TestConcurrentSessionsWithoutLog(t *testing.T) {
	testConcurrentSessions(t, newHouseOver(t, implicit(), func(s *store.Store) mailbox.Store { return forgetful{s} }))
}

func testConcurrentSessions(t *testing.T, h *house) {
	for range 20 {
		h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	}
	const clients = 4
	mirrors := make([]*mirror, clients)
	for i := range mirrors {
		mirrors[i] = &mirror{session: h.session(t)}
	}
	meet(t, mirrors)
}

// meet has the clients change one mailbox at random, and compares what each
// knows of it in the end.
func meet(t *testing.T, mirrors []*mirror) {
	for _, m := range mirrors {
		m.take(m.ok("SELECT %s", m.path()))
	}
	var wg sync.WaitGroup
	for i, m := range mirrors {
		wg.Go(func() { m.wander(rand.New(rand.NewPCG(uint64(i), 1))) })
	}
	wg.Wait()
	var want string
	for _, m := range mirrors {
		m.take(m.ok("NOOP"))
		m.take(m.ok("UID FETCH 1:* (FLAGS)"))
		got := fmt.Sprint(m.uids)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s and %s", got, want)
		}
	}
}

// path is what the client calls anna's INBOX.
func (m *mirror) path() string {
	if m.shared {
		return `"Other Users/anna@example.com/INBOX"`
	}
	return "INBOX"
}

// wander sends random commands.
func (m *mirror) wander(r *rand.Rand) {
	for range 60 {
		if m.t.Failed() {
			return
		}
		n := 1
		if len(m.uids) > 0 {
			n = 1 + r.IntN(len(m.uids))
		}
		switch r.IntN(9) {
		case 0:
			m.take(m.ok("APPEND %s {6+}\r\nA: b\r\n", m.path()))
		case 1:
			m.take(m.do("STORE %d +FLAGS (\\Deleted)", n))
		case 2:
			m.take(m.ok("EXPUNGE"))
		case 3:
			m.take(m.do("FETCH %d (UID FLAGS BODY.PEEK[])", n))
		case 4:
			m.take(m.ok("UID FETCH 1:* (FLAGS)"))
		case 5:
			m.take(m.do("MOVE %d Trash", n))
		case 6:
			m.take(m.do("COPY %d %s", n, m.path()))
		case 7:
			m.take(m.do("STORE %d FLAGS (\\Seen k%d)", n, r.IntN(5)))
		default:
			m.take(m.ok("NOOP"))
		}
	}
}

// TestResyncWithoutLog: where the log was trimmed, a client is told every UID
// that is not there (RFC 7162 section 3.2.5.2).
func TestResyncWithoutLog(t *testing.T) {
	h := newHouseOver(t, implicit(), func(s *store.Store) mailbox.Store { return forgetful{s} })
	for range 6 {
		h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	}
	s := h.session(t)
	s.ok("ENABLE QRESYNC")
	lines := s.ok("SELECT INBOX")
	validity := ""
	for _, line := range lines {
		fmt.Sscanf(line, "* OK [UIDVALIDITY %s", &validity)
	}
	validity = strings.TrimSuffix(validity, "]")
	s.ok("STORE 2:3,5 +FLAGS.SILENT (\\Deleted)")
	s.ok("EXPUNGE")
	for known, want := range map[string]string{"": "2:3,5", " 3:6": "3,5", " 1,4": ""} {
		got := ""
		for _, line := range s.ok("SELECT INBOX (QRESYNC (%s 1%s))", validity, known) {
			fmt.Sscanf(line, "* VANISHED (EARLIER) %s", &got)
		}
		if got != want {
			t.Errorf("known%s: vanished %q, not %q", known, got, want)
		}
	}
}

// TestAnotherClientLibrary uses a client that was not written with this
// server in mind.
func TestAnotherClientLibrary(t *testing.T) {
	h := newHouse(t, implicit())
	h.deliver("INBOX", "From: A <a@example.net>\nSubject: one\n\nbody\n", gomail.FlagSeen)
	c := imapclient.New(h.dialTLS(), nil)
	defer c.Close()
	if err := c.Login("anna@example.com", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Enable(imap.CapIMAP4rev2).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Create("Grüße/Ωmega", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	boxes, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	if err != nil || len(boxes) != 8 || boxes[3].Status == nil {
		t.Fatalf("%v %+v", err, boxes)
	}
	selected, err := c.Select("INBOX", nil).Wait()
	if err != nil || selected.NumMessages != 1 || selected.UIDNext != 2 {
		t.Fatalf("%v %+v", err, selected)
	}
	messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{
		Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, Flags: true, UID: true, RFC822Size: true, InternalDate: true,
		BodySection: []*imap.FetchItemBodySection{{Peek: true}}, BinarySection: []*imap.FetchItemBinarySection{{Part: []int{1}, Peek: true}},
	}).Collect()
	if err != nil || len(messages) != 1 || messages[0].Envelope.Subject != "one" || messages[0].Envelope.From[0].Addr() != "a@example.net" {
		t.Fatalf("%v %+v", err, messages)
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{Text: []string{"BODY"}, Flag: []imap.Flag{imap.FlagSeen}}, &imap.SearchOptions{ReturnCount: true, ReturnAll: true}).Wait()
	if err != nil || found.Count != 1 || !found.All.(imap.UIDSet).Contains(1) {
		t.Fatalf("%v %+v", err, found)
	}
	moved, err := c.Move(imap.UIDSetNum(1), "Grüße/Ωmega").Wait()
	if err != nil || !moved.DestUIDs.(imap.UIDSet).Contains(1) {
		t.Fatalf("%v %+v", err, moved)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// FuzzSession throws whole dialogues at a server. Whatever comes, each
// connection ends, and the server answers the next one.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"a SELECT INBOX\r\nb FETCH 1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A B)]<1.2> BINARY[1])\r\nc UID SEARCH OR (TEXT x) NOT SINCE 1-Apr-2026\r\n",
		"a APPEND INBOX (\\Seen) {3+}\r\nabc {2+}\r\nxy\r\nb STATUS INBOX (MESSAGES)\r\nc IDLE\r\nDONE\r\n",
		"a ENABLE QRESYNC IMAP4rev2\r\nb SELECT INBOX (QRESYNC (1 2 1:5 (1 1)))\r\nc STORE 1 (UNCHANGEDSINCE 3) +FLAGS.SILENT (x)\r\nd UID MOVE 1 Trash\r\n",
		"a ENABLE UIDONLY\r\nb NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge FlagChange)) (personal (MailboxName MailboxMetadataChange))\r\nc SELECT INBOX\r\nd UID SEARCH RETURN (UPDATE (FLAGS) COUNT) SAVEDSINCE 1-Apr-2026 THREADID T7\r\ne UID STORE 1 +FLAGS (x)\r\nf UID SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\ng CANCELUPDATE \"d\"\r\n",
		"a ESEARCH IN (subtree-one INBOX personal) RETURN (COUNT) TEXT x\r\nb APPEND INBOX CATENATE (URL \"/INBOX/;UID=1/;SECTION=1.MIME\" TEXT {2+}\r\nx\n)\r\nc LIST \"\" * RETURN (METADATA (/shared/a))\r\nd UID FETCH 1 (SAVEDATE THREADID)\r\ne NOTIFY NONE\r\n",
		"a CREATE \"&APw-\" (USE (\\Sent))\r\nb RENAME INBOX x\r\nc LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (a% *b) RETURN (STATUS (SIZE))\r\nd DELETE x\r\n",
		"a SETACL INBOX bob@example.com +lr\r\nb GETACL INBOX\r\nc LISTRIGHTS INBOX -anyone\r\nd DELETEACL INBOX {3}\r\nbob\r\ne MYRIGHTS \"Other Users/bob@example.com/INBOX\"\r\nf LIST \"\" % RETURN (MYRIGHTS)\r\n",
	} {
		f.Add([]byte(seed))
	}
	cfg := implicit()
	cfg.MaxConnectionsPerAddress = 1000
	cfg.CommandTimeout = 2 * time.Second
	h := newHouse(f, cfg)
	h.deliver("INBOX", "From: A <a@example.net>\nSubject: one\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b--\n", 0)
	f.Fuzz(func(t *testing.T, dialogue []byte) {
		c, err := tls.Dial("tcp", h.addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			c.Write([]byte("login LOGIN anna@example.com secret\r\n"))
			c.Write(dialogue)
			c.Write([]byte("\r\nDONE\r\nend LOGOUT\r\n"))
			c.CloseWrite()
		}()
		said, err := io.ReadAll(c)
		if !bytes.Contains(said, []byte("login OK")) || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatalf("%v after %q", err, said)
		}
		if bytes.Contains(said, []byte("SERVERBUG")) {
			t.Fatalf("%q", said)
		}
	})
}
