package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of a size for a test and returns its root.
func smallDisk(t testing.TB, size string) string {
	t.Helper()
	needRoot(t, "a file system of its own is mounted")
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("no file system can be mounted here: " + err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// occupy takes room away and returns what gives it back.
func occupy(t testing.TB, dir string, size int) (release func()) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// dense is a message body of about a size that hardly compresses.
func dense(size int) string {
	var b strings.Builder
	b.WriteString("From: you@remote.test\r\nSubject: fills\r\n\r\n")
	for i := uint64(1); b.Len() < size; i++ {
		fmt.Fprintf(&b, "%016x%016x%016x\r\n", i*0x9e3779b97f4a7c15, i*0xbf58476d1ce4e5b9, i*0x94d049bb133111eb)
	}
	return b.String()
}

// A full disk: told at MAIL or after the message, nothing acknowledged is
// lost, and mail flows again when there is room, without a restart.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "24m")
	d := startDemoIn(t, dir)
	release := occupy(t, dir, 8<<20)
	body := dense(70 << 10)
	acked, refused := 0, ""
	for range 500 {
		c := d.open()
		if refused = c.cmd("MAIL FROM:<you@remote.test> SIZE=%d", len(body)); strings.HasPrefix(refused, "250") {
			c.want("250", "RCPT TO:<%s>", d.anna().Address)
			c.want("354", "DATA")
			c.send(body + ".\r\n")
			refused = c.reply()
		}
		c.Close()
		if !strings.HasPrefix(refused, "250") {
			break
		}
		acked++
	}
	if !strings.HasPrefix(refused, "452 4.3.1") {
		t.Errorf("after %d messages: %s", acked, refused)
	}
	if got := len(d.mailbox(d.anna(), "INBOX")); got != acked {
		t.Errorf("%d messages are there, %d were acknowledged", got, acked)
	}
	release()
	if reply := d.open().message("you@remote.test", d.anna().Address, ordinary); !strings.HasPrefix(reply, "250") {
		t.Errorf("with room again: %s", reply)
	}
	d.checkClean()
	d.stop()
}

// A message that was not announced fills the disk while it arrives: it is
// refused for now, leaves nothing behind, and those who are connected go on.
func TestDiskFillsWhileMessageArrives(t *testing.T) {
	dir := smallDisk(t, "32m")
	d := startDemoIn(t, dir)
	anna := d.anna()
	release := occupy(t, dir, 12<<20)
	large := dense(30 << 20)
	c := d.open()
	if reply := c.message("you@remote.test", anna.Address, large); !strings.HasPrefix(reply, "452 4.3.1") {
		t.Errorf("from a stranger: %s", reply)
	}
	s := d.submission(anna)
	if reply := s.message(anna.Address, d.bert().Address, strings.Replace(large, "you@remote.test", anna.Address, 1)); !strings.HasPrefix(reply, "452 4.3.1") {
		t.Errorf("from anna: %s", reply)
	}
	release()
	if reply := c.message("you@remote.test", anna.Address, ordinary); !strings.HasPrefix(reply, "250") {
		t.Errorf("on the same connection: %s", reply)
	}
	if reply := s.message(anna.Address, d.bert().Address, strings.Replace(ordinary, "you@remote.test", anna.Address, 1)); !strings.HasPrefix(reply, "250") {
		t.Errorf("on anna's connection: %s", reply)
	}
	d.received(d.bert(), "INBOX", "Subject: ordinary")
	if got := d.mailbox(anna, "INBOX"); len(got) != 1 {
		t.Errorf("anna has %d messages", len(got))
	}
	d.checkClean()
	d.stop()
}
