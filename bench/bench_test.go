package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// rounds of three, in an order that is not sorted.
func rounds(messages ...int) []result {
	var all []result
	for _, n := range messages {
		all = append(all, result{
			Messages: n, Sending: time.Second, Whole: 2 * time.Second, CPU: time.Duration(n) * time.Millisecond,
			Latencies: []time.Duration{time.Millisecond, 2 * time.Millisecond, 30 * time.Millisecond},
		})
	}
	return all
}

func TestReport(t *testing.T) {
	var got bytes.Buffer
	writeLoads(&got, []measured{
		{load: load{Name: "4 KB", Connections: 64}, gomail: rounds(900, 300, 600), postfix: rounds(100, 150, 60)},
		{load: load{Name: "1 MB", Connections: 10}, gomail: rounds(10)},
	})
	writeMemory(&got, memory{
		Fresh: 20e6, Idle: 40e6, Connected: 90e6, Store: 1e9, Messages: 5,
		Clean: 12 * time.Millisecond, Killed: 1500 * time.Microsecond, Demo: 300 * time.Microsecond,
	})
	golden := filepath.Join("testdata", "report.md")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the report reads\n%s", got.String())
	}
}

func TestPercentile(t *testing.T) {
	var r result
	if r.percentile(99) != 0 {
		t.Error("nothing was measured, but there is a latency")
	}
	for i := range 200 {
		r.Latencies = append(r.Latencies, time.Duration(i))
	}
	for p, want := range map[int]time.Duration{0: 0, 50: 100, 99: 198, 100: 199} {
		if got := r.percentile(p); got != want {
			t.Errorf("percentile %d is %d, want %d", p, got, want)
		}
	}
}

func TestOwnCPUTimeIsFound(t *testing.T) {
	for end := time.Now().Add(30 * time.Second); cpuOf(os.Getpid()) < 3*tick; {
		if time.Now().After(end) {
			t.Fatal("the CPU time does not grow")
		}
	}
	if rss, err := rssOf(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("own memory: %d, %v", rss, err)
	}
}

func TestConfigurationsNameOneDirectory(t *testing.T) {
	p := &postfix{dir: t.TempDir()}
	if os.Getuid() != 0 {
		t.Skip("not root: directories get other owners")
	}
	d := &dovecot{dir: p.dir}
	if err := errors.Join(d.writeConfiguration(1143, maildir), p.writeConfiguration(2525)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"etc/main.cf", "etc/master.cf", "dovecot.conf"} {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "{{") || !strings.Contains(string(text), p.dir) && name != "etc/master.cf" {
			t.Errorf("%s was not filled in:\n%s", name, text)
		}
	}
}

func TestAsSent(t *testing.T) {
	const message = "DKIM-Signature: v=1\r\nFrom: a@b\r\n\r\nhi\r\n"
	const passed = "Authentication-Results: x; spf=pass; dkim=pass; dmarc=pass\r\nReceived: y\r\n"
	got, err := asSent(passed + message)
	if err != nil || string(got) != message {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := asSent(strings.Replace(passed, "dkim=pass", "dkim=fail", 1) + message); err == nil {
		t.Error("a message whose signature failed was taken as the sample")
	}
	if _, err := asSent("From: a@b\r\n\r\n"); err == nil {
		t.Error("an unsigned message was taken as the sample")
	}
}

// The generator has to go on when a server wants a new connection, and to
// stop when a message is refused: a rate of refusals is worth nothing.
func TestGenerator(t *testing.T) {
	for _, tt := range []struct {
		name  string
		mail  string // the answer to the third MAIL
		data  string // the answer to every message
		fails bool
	}{
		{"new connection", "421 4.5.3 enough\r\n", "250 2.0.0 ok\r\n", false},
		{"refused message", "250 2.1.0 ok\r\n", "550 5.7.1 no\r\n", true},
		{"refused sender", "550 5.7.1 no\r\n", "250 2.0.0 ok\r\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &scripted{mail: tt.mail, data: tt.data}
			s.serve(t)
			c, err := dialSMTP(s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			for range 4 {
				if _, err = c.send(sender, mailbox(1), []byte("Subject: x\r\n\r\nhi\r\n")); err != nil {
					break
				}
			}
			if (err != nil) != tt.fails {
				t.Errorf("four messages: %v", err)
			}
		})
	}
}

// scripted is a server with fixed answers.
type scripted struct {
	address    string
	mail, data string
}

func (s *scripted) serve(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.talk(conn)
		}
	}()
}

// talk answers line by line until the client goes away.
func (s *scripted) talk(conn net.Conn) {
	defer conn.Close()
	conn.Write([]byte("220 hi\r\n"))
	mails, inData := 0, false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := strings.ToUpper(lines.Text())
		answer := ""
		switch {
		case inData && line != ".":
		case inData:
			inData, answer = false, s.data
		case strings.HasPrefix(line, "EHLO"):
			answer = "250 scripted\r\n"
		case strings.HasPrefix(line, "MAIL"):
			if mails++; mails == 3 {
				answer = s.mail
			} else {
				answer = "250 2.1.0 ok\r\n"
			}
		case line == "DATA":
			inData, answer = true, "354 go on\r\n"
		default:
			answer = "250 2.1.5 ok\r\n"
		}
		conn.Write([]byte(answer))
	}
}
