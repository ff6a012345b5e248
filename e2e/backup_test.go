package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A running server is backed up while mail comes in, is killed, and restored
// elsewhere: what had been acknowledged before the backup is there once, and a
// mail program that knew the mailbox is told to begin anew.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	backup, data := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
	d := startDemoIn(t, dir)
	anna := d.anna()
	if reply := d.submission(anna).message(anna.Address, "later@remote.test", "From: "+anna.Address+"\r\nSubject: waits\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	eventually(t, "the message to be tried", func() bool {
		return strings.Contains(d.gomail("queue", "list").stdout, "never ready")
	})
	var in load
	d.incoming(&in)
	in.begin(0, 8)
	eventually(t, "acknowledged messages", func() bool { return in.count() > 50 })
	if r := d.gomail("backup", backup); r.code != 0 || !strings.Contains(r.stdout, "The secret key is not in it") {
		t.Fatalf("the first backup: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if _, err := os.Stat(filepath.Join(backup, "secret.key")); err == nil {
		t.Error("the secret key was not asked for and is in the backup")
	}
	before := in.names()
	eventually(t, "more messages", func() bool { return in.count() > len(before)+50 })
	before = in.names()
	second := d.gomail("backup", "--with-secrets", "--json", backup)
	var report struct {
		Messages, Queued, Octets, Copied int64
		Secrets                          bool
	}
	if err := json.Unmarshal([]byte(second.stdout), &report); err != nil || second.code != 0 || !report.Secrets || report.Queued < 1 {
		t.Fatalf("the second backup: exit %d, %v\n%s%s", second.code, err, second.stdout, second.stderr)
	}
	validity, modseq, _ := d.resync(anna, 1, 1)
	d.signal(syscall.SIGKILL)
	<-d.exited
	in.wg.Wait()

	restored := run(t, "", binary, "restore", backup, "--dir", data)
	if restored.code != 0 || !strings.Contains(restored.stdout, "Every invariant holds") || !strings.Contains(restored.stdout, "on hold") {
		t.Fatalf("restore: exit %d\n%s%s", restored.code, restored.stdout, restored.stderr)
	}
	if again := run(t, "", binary, "restore", backup, "--dir", data); again.code != 1 || !strings.Contains(again.stderr, "is not empty") {
		t.Errorf("a second restore: exit %d\n%s", again.code, again.stderr)
	}
	if err := os.Rename(filepath.Join(dir, "sandbox"), filepath.Join(data, "sandbox")); err != nil {
		t.Fatal(err)
	}
	d = startDemoIn(t, data)
	known := load{acked: before}
	known.verify(t, d.mailbox(d.anna(), "INBOX"), 1)
	now, _, lines := d.resync(d.anna(), validity, modseq)
	if now <= validity || strings.Contains(lines, "VANISHED") || strings.Contains(lines, " FETCH ") {
		t.Errorf("UIDVALIDITY was %d; what the client knows is taken for true:\n%s", validity, lines)
	}
	if list := d.gomail("queue", "list"); !strings.Contains(list.stdout, "held") {
		t.Errorf("the queue is not on hold:\n%s", list.stdout)
	}
	if r := d.gomail("queue", "release", "--all"); r.code != 0 || !strings.Contains(r.stdout, "Released 1") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	d.checkClean()
	d.stop()
	if r := d.gomail("backup", backup); r.code != 0 { // no server runs
		t.Errorf("a backup without a server: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := d.gomail("backup", "s3://bucket/mail"); r.code != 1 || !strings.Contains(r.stderr, "to a directory only") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// names returns what was acknowledged so far.
func (l *load) names() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]bool{}
	for name := range l.acked {
		all[name] = true
	}
	return all
}

// resync opens INBOX as a program does that knows it by a UIDVALIDITY and a
// MODSEQ, and returns what they are now, with all that was said.
func (d *demo) resync(a account, validity, modseq int64) (nowValidity, nowModSeq int64, lines string) {
	d.t.Helper()
	nc, err := tls.Dial("tcp", d.IMAPS, d.tls())
	if err != nil {
		d.t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprintf(nc, "a LOGIN %s %q\r\nb ENABLE QRESYNC\r\nc SELECT INBOX (QRESYNC (%d %d))\r\nd LOGOUT\r\n", a.Address, a.Password, validity, modseq)
	for in := bufio.NewScanner(nc); in.Scan(); {
		line := in.Text()
		lines += line + "\n"
		fmt.Sscanf(line, "* OK [UIDVALIDITY %d", &nowValidity)
		fmt.Sscanf(line, "* OK [HIGHESTMODSEQ %d", &nowModSeq)
	}
	if nowValidity == 0 || nowModSeq == 0 {
		d.t.Fatalf("INBOX was not opened:\n%s", lines)
	}
	return nowValidity, nowModSeq, lines
}

// What root restores belongs to the service's user: to whom the directory
// belongs that it goes to, or to whom the secret key does where there is none.
func TestRestoreByRoot(t *testing.T) {
	needRoot(t, "restores for another user")
	const somebody = 65534
	dir, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	mustRun(t, "", binary, "--dir", dir, "domain", "add", "example.test")
	mustRun(t, "", binary, "--dir", dir, "account", "add", "anna@example.test")
	mustRun(t, "", binary, "--dir", dir, "backup", "--with-secrets", backup)
	restore := func(prepare func(data, config string)) string {
		base := t.TempDir()
		for at := base; at != "/"; at = filepath.Dir(at) { // the user has to come through
			os.Chmod(at, 0o755)
		}
		data, config := filepath.Join(base, "data"), filepath.Join(base, "gomail.toml")
		write(t, config, "[server]\nhostname = \"mail.example.test\"\ndata_dir = \""+data+"\"\n[secrets]\nkey_file = \""+filepath.Join(base, "secret.key")+"\"\n")
		os.Chmod(config, 0o644)
		prepare(data, base)
		if r := run(t, "", binary, "--config", config, "restore", backup); r.code != 0 || !strings.Contains(r.stdout, "Every invariant holds") {
			t.Fatalf("%d %s%s", r.code, r.stdout, r.stderr)
		}
		return data
	}
	whose := func(path string) uint32 {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	for name, want := range map[string]uint32{"directory": somebody, "key": somebody, "nothing": 0} {
		data := restore(func(data, base string) {
			switch name {
			case "directory":
				os.Mkdir(data, 0o700)
				os.Chown(data, somebody, somebody)
			case "key":
				write(t, filepath.Join(base, "secret.key"), "x")
				os.Chown(filepath.Join(base, "secret.key"), somebody, somebody)
			}
		})
		files := 0
		filepath.WalkDir(data, func(path string, _ os.DirEntry, err error) error {
			if files++; err != nil || whose(path) != want {
				t.Errorf("%s: %s belongs to %d, want %d: %v", name, path, whose(path), want, err)
			}
			return nil
		})
		if files < 4 {
			t.Errorf("%s: %d files", name, files)
		}
	}
}
