package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// load sends messages over several connections until the server goes away,
// and remembers which were acknowledged.
type load struct {
	dial     func() (net.Conn, error)
	hello    []exchange // before the first message
	from, to string

	mu    sync.Mutex
	acked map[string]bool
	wg    sync.WaitGroup
}

// exchange is a command and how its reply has to begin.
type exchange struct{ send, want string }

// incoming is mail from a stranger to anna.
func (d *demo) incoming(l *load) {
	l.dial = func() (net.Conn, error) { return net.Dial("tcp", d.SMTP) }
	l.hello = []exchange{{"EHLO client.remote.test\r\n", "250"}}
	l.from, l.to = "you@remote.test", d.anna().Address
}

// outgoing is mail from anna to a stranger.
func (d *demo) outgoing(l *load) {
	config := d.tls()
	l.dial = func() (net.Conn, error) { return tls.Dial("tcp", d.Submissions, config) }
	l.hello = []exchange{{"EHLO client.remote.test\r\n", "250"}, {"AUTH PLAIN " + plain(d.anna()) + "\r\n", "235"}}
	l.from, l.to = d.anna().Address, "joe@remote.test"
}

// begin starts the senders. Each message carries a name of its own.
func (l *load) begin(round, senders int) {
	if l.acked == nil {
		l.acked = map[string]bool{}
	}
	l.wg.Add(senders)
	for s := range senders {
		go func() {
			defer l.wg.Done()
			l.send(fmt.Sprintf("r%d-s%d", round, s))
		}()
	}
}

// send sends one message after the other until the server says no more.
func (l *load) send(name string) {
	nc, err := l.dial()
	if err != nil {
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(2 * patience))
	c := &smtpConn{Conn: nc, r: bufio.NewReader(nc)}
	if _, err := c.read(); err != nil || !c.agrees(l.hello...) {
		return
	}
	for i := 0; ; i++ {
		id := fmt.Sprintf("%s-m%d;", name, i)
		text := "From: " + l.from + "\r\nTo: " + l.to + "\r\nSubject: " + id + "\r\n\r\n" + strings.Repeat("body\r\n", 100)
		if !c.agrees(exchange{"MAIL FROM:<" + l.from + ">\r\n", "250"}, exchange{"RCPT TO:<" + l.to + ">\r\n", "250"},
			exchange{"DATA\r\n", "354"}, exchange{text + ".\r\n", "250"}) {
			return // 421 or nothing: the server is going
		}
		l.mu.Lock()
		l.acked[id] = true
		l.mu.Unlock()
	}
}

// agrees says whether each command got the reply it wants.
func (c *smtpConn) agrees(steps ...exchange) bool {
	for _, step := range steps {
		if _, err := c.Write([]byte(step.send)); err != nil {
			return false
		}
		if reply, err := c.read(); err != nil || !strings.HasPrefix(reply, step.want) {
			return false
		}
	}
	return true
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// verify demands that every acknowledged message is there, whole. Twice is
// allowed only where the other server cannot know that we crashed before its
// reply was noted.
func (l *load) verify(t testing.TB, messages []string, atMost int) {
	t.Helper()
	seen := map[string]int{}
	for _, m := range messages {
		_, rest, _ := strings.Cut(m, "\r\nSubject: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		seen[id]++
		if strings.Count(m, "body\r\n") != 100 {
			t.Errorf("%s is not whole", id)
		}
	}
	for id := range l.acked {
		if seen[id] == 0 {
			t.Errorf("%s was acknowledged and is not there", id)
		}
	}
	for id, n := range seen {
		if n > atMost {
			t.Errorf("%s is there %d times", id, n)
		}
	}
}

// sentOn waits until nothing is queued and returns what the remote server
// got.
func (d *demo) sentOn() (messages []string) {
	d.t.Helper()
	eventually(d.t, "the queue to be empty", func() bool {
		return strings.TrimSpace(d.gomail("queue", "list", "--json").stdout) == "[]"
	})
	files, err := filepath.Glob(filepath.Join(d.Remote.Maildir, "*.eml"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			d.t.Fatal(err)
		}
		messages = append(messages, string(b))
	}
	return messages
}

// A stop in the middle of a load: what was acknowledged is there, the rest
// was told so, and the process ends well.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	dir := t.TempDir()
	d := startDemoIn(t, dir)
	var in, out load
	d.incoming(&in)
	d.outgoing(&out)
	in.begin(0, 12)
	out.begin(0, 8)
	eventually(t, "acknowledged messages", func() bool { return in.count() > 150 && out.count() > 50 })
	d.stop()
	in.wg.Wait()
	out.wg.Wait()
	d = startDemoIn(t, dir)
	in.verify(t, d.mailbox(d.anna(), "INBOX"), 1)
	out.verify(t, d.sentOn(), 1)
	d.checkClean()
	d.stop()
}

// kill -9 in the middle of a load, several times on one store.
func TestKillUnderLoadLosesNothing(t *testing.T) {
	const rounds = 3
	dir := t.TempDir()
	var in, out load
	for round := range rounds {
		d := startDemoIn(t, dir)
		d.incoming(&in)
		d.outgoing(&out)
		beforeIn, beforeOut := in.count(), out.count()
		in.begin(round, 10)
		out.begin(round, 5)
		eventually(t, "acknowledged messages", func() bool { return in.count() > beforeIn+70 && out.count() > beforeOut+30 })
		d.signal(syscall.SIGKILL)
		<-d.exited
		in.wg.Wait()
		out.wg.Wait()
	}
	d := startDemoIn(t, dir)
	in.verify(t, d.mailbox(d.anna(), "INBOX"), 1)
	out.verify(t, d.sentOn(), 1+rounds)
	d.checkClean()
	d.stop()
}

// What is queued when the server is killed goes out after the next start.
func TestQueueSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	d := startDemoIn(t, dir)
	anna := d.anna()
	if reply := d.submission(anna).message(anna.Address, "later@remote.test", "From: "+anna.Address+"\r\nSubject: waits\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	d.signal(syscall.SIGKILL)
	<-d.exited
	d = startDemoIn(t, dir)
	eventually(t, "the message to be tried again", func() bool {
		return strings.Contains(d.gomail("queue", "list").stdout, "never ready")
	})
	d.checkClean()
	d.stop()
}

// A second process on the same directory is refused, and the first goes on.
func TestSecondProcessIsRefused(t *testing.T) {
	d := startDemo(t)
	r := run(t, "", binary, "demo", "--json", "--dir", d.DataDir)
	if r.code != 1 || !strings.Contains(r.stderr, "is in use by process") || r.stdout != "" {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	dialSMTP(t, d.SMTP).ehlo()
}
