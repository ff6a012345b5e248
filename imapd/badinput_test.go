package imapd_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestBadInput sends what no client should. Each is answered by a refusal, the
// session goes on or ends with BYE, and others do not notice.
func TestBadInput(t *testing.T) {
	cfg := implicit()
	cfg.MaxErrors = 1000
	h := newHouse(t, cfg)
	h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	bystander := h.session(t)
	bystander.ok("SELECT INBOX")
	numbers := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ",%d", 2*i+3)
		}
		return "1" + b.String()
	}
	for _, test := range []struct{ name, input, want string }{
		{"a literal of 4 GiB for APPEND", "x APPEND INBOX {4294967296}", "x NO [TOOBIG]"},
		{"a literal of 4 GiB for APPEND that does not wait", "x APPEND INBOX {4294967296+}", "* BYE"},
		{"a literal of 4 GiB in CATENATE", "x APPEND INBOX CATENATE (TEXT {4294967296}", "x NO [TOOBIG]"},
		{"a literal of 4 GiB elsewhere", "x SELECT {4294967295}", "x NO [TOOBIG]"},
		{"a literal of 4 GiB in a search", "x SEARCH TEXT {4294967296}", "x NO [TOOBIG]"},
		{"a literal of no number", "x SELECT {99999999999999999999}", "x BAD"},
		{"a literal of a negative number", "x SELECT {-1}", "x BAD"},
		{"a string that does not end", `x SELECT "INBOX`, "x BAD"},
		{"a string that ends with a backslash", `x SELECT "INBOX\`, "x BAD"},
		{"a list that does not end", "x STATUS INBOX (MESSAGES", "x BAD"},
		{"a line of 500 KB", "x SELECT " + strings.Repeat("a", 500_000), "x NO [TOOBIG]"},
		{"a line of 2 MB", "x SELECT " + strings.Repeat("a", 2_000_000), "* BYE"},
		{"a set of 10,000", "x FETCH 1:* UID", "x OK"},
		{"a set of 50,000", "x UID FETCH " + numbers(50_000) + " FLAGS", "x NO [TOOBIG]"},
		{"a set of huge numbers", "x UID FETCH 4294967295:1,99999999999 FLAGS", "x BAD"},
		{"parentheses of a search, deep", "x SEARCH " + strings.Repeat("(", 5_000) + "ALL", "x BAD"},
		{"conditions of a search, deep", "x SEARCH " + strings.Repeat("NOT ", 10_000) + "ALL", "x BAD"},
		{"alternatives of a search, deep", "x SEARCH " + strings.Repeat("OR SEEN ", 5_000) + "ALL", "x BAD"},
		{"conditions of a search, many", "x SEARCH " + strings.Repeat("SEEN ", 5_000) + "ALL", "x BAD"},
		{"items of a fetch, many", "x FETCH 1 (" + strings.Repeat("UID ", 5_000) + "UID)", "x BAD"},
		{"groups of events, many", "x NOTIFY SET" + strings.Repeat(" (personal NONE)", 500), "x BAD"},
		{"NUL", "x SELECT a\x00b", "x BAD"},
		{"a bare CR", "x SELECT a\rb", "x BAD"},
	} {
		s := h.session(t)
		s.ok("SELECT INBOX")
		go io.WriteString(s.c, test.input+"\r\n")
		line := s.line()
		for strings.HasPrefix(line, "* ") && !strings.HasPrefix(line, "* BYE") {
			line = s.line()
		}
		if !strings.HasPrefix(line, test.want) {
			t.Errorf("%s: %.100q", test.name, line)
		}
		if strings.HasPrefix(test.want, "x ") && !strings.HasPrefix(line, "* BYE") {
			s.ok("NOOP")
		}
		s.c.Close()
		bystander.ok("FETCH 1 FLAGS")
	}
}

// TestLongSet: a set as long as a command may be is no burden.
func TestLongSet(t *testing.T) {
	h := newHouse(t, implicit())
	h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	s := h.session(t)
	s.ok("SELECT INBOX")
	set := "1" + strings.Repeat(",1:2,4294967295,7", 3_500)
	if lines := s.ok("UID FETCH %s (UID)", set); len(lines) != 2 {
		t.Errorf("%d lines", len(lines))
	}
	if lines := s.ok("UID SEARCH RETURN (COUNT) UID %s", set); lines[0] != `* ESEARCH (TAG "t4") UID COUNT 1` {
		t.Errorf("%q", lines)
	}
}

// TestOddMailboxNames: whatever is asked for is made under that very name, or
// refused with a reason.
func TestOddMailboxNames(t *testing.T) {
	h := newHouse(t, implicit())
	s := h.session(t)
	long := strings.Repeat("n", 300)
	for _, name := range []string{
		"&", "&-", "a&b", "&AOk", "&AOk-", "&AGE-", "&2D0-", "&AAA-", "&ZeVnLIqe-", "..", "../../etc/passwd", "a/../b", "/", "//", "/a", "a/", "a//b", "*", "%", "a*b", ".", "INBOX", "inbox/x", "INBOXES",
		"\xff\xfe", "é", "a\x7fb", "Other Users", "Other Users/x", "NIL", `back\\slash`, `quo\"te`, "{5}", "(x)", " ", " x ", long, long + "n", strings.Repeat("d/", 25) + "x", "~", "#news", "$x", "]",
	} {
		for _, command := range []string{"CREATE", "STATUS", "DELETE"} {
			rest := ""
			if command == "STATUS" {
				rest = " (MESSAGES)"
			}
			lines := s.do(`%s "%s"%s`, command, name, rest)
			switch last := lines[len(lines)-1]; {
			case strings.Contains(last, " OK "), strings.Contains(last, " NO ["), strings.Contains(last, " BAD "):
			default:
				t.Errorf("%s %q: %q", command, name, last)
			}
			for _, line := range lines {
				for i := range len(line) {
					if line[i] >= 0x80 {
						t.Errorf("%s %q: %q", command, name, line)
						break
					}
				}
			}
		}
	}
	s.ok("ENABLE UTF8=ACCEPT")
	for _, name := range []string{"Grüße", "日本語/かな", "e\u0301", "\u202eabc"} {
		s.do(`CREATE "%s"`, name)
		if lines := s.do(`LIST "" "%s"`, name); len(lines) > 1 && !strings.Contains(lines[0], name) {
			t.Errorf("%q is listed as %q", name, lines)
		}
	}
}

// TestVanishingClients: connections that end within a command, at any octet of
// it, leave nothing behind and hold nothing up.
func TestVanishingClients(t *testing.T) {
	cfg := implicit()
	cfg.CommandTimeout = time.Second
	h := newHouse(t, cfg)
	h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	bystander := h.session(t)
	for _, dialogue := range []string{
		"a APPEND INBOX (\\Seen) {20+}\r\nSubject: half\r\n\r\nxyz\r\n",
		"a SELECT INBOX\r\nb REPLACE 1 INBOX CATENATE (URL \"/INBOX/;UID=1\" TEXT {10+}\r\n0123456789)\r\n",
		"a NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MailboxName))\r\nb SELECT INBOX\r\nc SETMETADATA INBOX (/private/x {5+}\r\n01234)\r\nd IDLE\r\n",
	} {
		for cut := 1; cut < len(dialogue)-2; cut += 7 {
			s := h.session(t)
			io.WriteString(s.c, dialogue[:cut])
			s.c.Close()
		}
	}
	if lines := bystander.ok("STATUS INBOX (MESSAGES)"); lines[0] != "* STATUS INBOX (MESSAGES 1)" {
		t.Error(lines[0])
	}
}

// TestIdleSessionsAreSmall: what a session holds while it waits does not depend
// on what it has done before.
func TestIdleSessionsAreSmall(t *testing.T) {
	const sessions = 40
	cfg := implicit()
	cfg.MaxConnectionsPerAddress = 2 * sessions
	h := newHouse(t, cfg)
	h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	h.session(t).ok("SELECT INBOX") // what is made once for all
	before := heap()
	for range sessions {
		s := h.session(t)
		s.ok("SELECT INBOX")
		s.do("SEARCH %s", strings.Repeat("(", 30_000))
		s.do("SELECT %s", strings.Repeat("a", 300_000))
		s.ok("SELECT INBOX")
		s.ok("NOTIFY SET (selected (MessageNew (UID) MessageExpunge)) (personal (MailboxName MessageNew MessageExpunge))")
	}
	// Both ends of each connection are in this process, with TLS.
	if each := (heap() - before) / sessions; each > 150<<10 {
		t.Errorf("a session and its client hold %d octets", each)
	} else {
		t.Logf("a session and its client hold %d octets", each)
	}
}

// What cannot be inflated ends the session: nothing after it can be read.
func TestDeflatedRubbish(t *testing.T) {
	h := newHouse(t, implicit())
	s := h.session(t)
	s.ok("COMPRESS DEFLATE")
	io.WriteString(s.c, "\xff\xff\xff\xff no deflated data\r\n")
	s.c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := io.Copy(io.Discard, s.c); err != nil || n > 1000 {
		t.Errorf("the session said %d octets and ended with %v", n, err)
	}
}
