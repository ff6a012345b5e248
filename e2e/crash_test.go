package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// load sends messages to anna over several connections until the server goes
// away, and remembers which were acknowledged.
type load struct {
	mu    sync.Mutex
	acked map[string]bool
	wg    sync.WaitGroup
}

// begin starts the senders. Each message carries a name of its own.
func (l *load) begin(d *demo, round, senders int) {
	l.wg.Add(senders)
	for s := range senders {
		go func() {
			defer l.wg.Done()
			l.send(d.SMTP, d.anna().Address, fmt.Sprintf("r%d-s%d", round, s))
		}()
	}
}

func (l *load) send(address, to, name string) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(2 * patience))
	c := &smtpConn{Conn: nc, r: bufio.NewReader(nc)}
	if _, err := c.read(); err != nil {
		return
	}
	for i := 0; ; i++ {
		id := fmt.Sprintf("%s-m%d;", name, i)
		text := "From: you@remote.test\r\nTo: " + to + "\r\nSubject: " + id + "\r\n\r\n" + strings.Repeat("body\r\n", 100)
		ok := true
		for _, step := range []struct{ send, want string }{
			{"EHLO client.remote.test\r\n", "250"}, {"MAIL FROM:<you@remote.test>\r\n", "250"},
			{"RCPT TO:<" + to + ">\r\n", "250"}, {"DATA\r\n", "354"}, {text + ".\r\n", "250"},
		} {
			if _, err := nc.Write([]byte(step.send)); err != nil {
				return
			}
			reply, err := c.read()
			if err != nil {
				return
			}
			if ok = strings.HasPrefix(reply, step.want); !ok {
				break
			}
		}
		if !ok { // 421: the server is going
			return
		}
		l.mu.Lock()
		l.acked[id] = true
		l.mu.Unlock()
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// verify demands that every acknowledged message is there exactly once.
func (l *load) verify(d *demo) {
	d.t.Helper()
	seen := map[string]int{}
	for _, m := range d.mailbox(d.anna(), "INBOX") {
		_, rest, _ := strings.Cut(m, "\r\nSubject: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		seen[id]++
		if strings.Count(m, "body\r\n") != 100 {
			d.t.Errorf("%s is not whole", id)
		}
	}
	for id := range l.acked {
		if seen[id] != 1 {
			d.t.Errorf("%s was acknowledged and is there %d times", id, seen[id])
		}
	}
	for id, n := range seen {
		if n > 1 {
			d.t.Errorf("%s is there %d times", id, n)
		}
	}
	d.checkClean()
}

// A stop in the middle of a load: what was acknowledged is there, the rest
// was told so, and the process ends well.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	dir := t.TempDir()
	d := startDemoIn(t, dir)
	l := &load{acked: map[string]bool{}}
	l.begin(d, 0, 20)
	eventually(t, "200 acknowledged messages", func() bool { return l.count() > 200 })
	d.stop()
	l.wg.Wait()
	d = startDemoIn(t, dir)
	l.verify(d)
	d.stop()
}

// kill -9 in the middle of a load, several times on one store.
func TestKillUnderLoadLosesNothing(t *testing.T) {
	dir := t.TempDir()
	l := &load{acked: map[string]bool{}}
	for round := range 3 {
		d := startDemoIn(t, dir)
		before := l.count()
		l.begin(d, round, 10)
		eventually(t, "100 acknowledged messages", func() bool { return l.count() > before+100 })
		d.signal(syscall.SIGKILL)
		<-d.exited
		l.wg.Wait()
	}
	d := startDemoIn(t, dir)
	l.verify(d)
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
