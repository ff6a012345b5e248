package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Python shares a mailbox with another account, which uses it; mbsync then keeps
// that account's copy of it in step, both ways.
func TestSharedMailbox(t *testing.T) {
	need(t, "/usr/bin/python3")
	need(t, "mbsync")
	d := startDemo(t)
	out := mustRun(t, "", "/usr/bin/python3", "testdata/share.py", portOf(t, d.IMAPS), d.CAFile, d.anna().Address, d.anna().Password, d.bert().Address, d.bert().Password)
	if !strings.HasSuffix(out, "done\n") {
		t.Fatalf("it said\n%s", out)
	}
	dir := t.TempDir()
	rc := write(t, filepath.Join(dir, "mbsyncrc"), d.mbsyncFar(d.bert())+fmt.Sprintf(`
MaildirStore near
Path %s/mail/
SubFolders Verbatim

Channel team
Far ":far:Other Users/%s/Team"
Near :near:Team
Create Near
Expunge Both
SyncState *
`, dir, d.anna().Address))
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	sync := func() { t.Helper(); mustRun(t, "", "mbsync", "-c", rc, "-a") }
	here := func() []string {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "mail", "Team", "[nc]*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	sync()
	first := here()
	if len(first) != 1 {
		t.Fatalf("%q came", first)
	}
	write(t, filepath.Join(dir, "mail", "Team", "cur", "1.more:2,S"), "From: bert@gomail.test\nSubject: more\n\nx\n")
	if err := os.Rename(first[0], filepath.Join(dir, "mail", "Team", "cur", strings.Split(filepath.Base(first[0]), ":")[0]+":2,T")); err != nil {
		t.Fatal(err)
	}
	sync()
	if got := d.mailbox(d.anna(), "Team"); len(got) != 1 || len(holding(got, "Subject: more")) != 1 {
		t.Errorf("the owner has %q", got)
	}
	if files := here(); len(files) != 1 {
		t.Errorf("here are %q", files)
	}
	d.checkClean()
}
