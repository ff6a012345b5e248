package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const differencesFile = "testdata/dovecot/differences.txt"

// Dovecot is the reference: the same commands to both servers, and whatever is
// answered in another way stands in differences.txt with its reason.
//
// The scripts, testdata/dovecot/*.txt, begin with an account that is empty.
// Their lines:
//
//	#      why it is there
//	mail:  puts imapd/testdata/FILE into a mailbox: INBOX FILE \Seen
//	C:     a command, without its tag; <uidvalidity> and <modseq> are what the
//	       server said last
//	C2:    the same in a second session
//	+:     what the client sends when it may go on, with Go's escapes; at once
//	       after a literal that does not wait
func TestDovecotAnswersAlike(t *testing.T) {
	needRoot(t, "Dovecot runs as the user mail")
	need(t, "/usr/sbin/dovecot")
	scripts, err := filepath.Glob("testdata/dovecot/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	scripts = slices.DeleteFunc(scripts, func(s string) bool { return s == differencesFile })
	reference := startDovecot(t)
	ours := serveAccounts(t, scripts)
	known := readDifferences(t)
	var found []difference
	for _, script := range scripts {
		found = append(found, compareScript(t, script, ours, reference)...)
	}
	if *update {
		writeDifferences(t, found, known)
		return
	}
	judge(t, found, known)
}

// judge holds the differences against those that are known.
func judge(t *testing.T, found []difference, known map[string]difference) {
	t.Helper()
	for _, d := range found {
		k, ok := known[d.key]
		switch {
		case !ok:
			t.Errorf("an answer that differs and is not listed:\n%s", d)
		case k.lines != d.lines:
			t.Errorf("another difference than is listed:\n%slisted:\n%s", d, k)
		case k.why == "":
			t.Errorf("%s gives no reason for\n%s", differencesFile, k)
		}
		delete(known, d.key)
	}
	for key := range known {
		t.Errorf("%s lists what no longer differs: %s", differencesFile, key)
	}
}

// startDovecot runs Dovecot in a directory of its own and returns its address.
func startDovecot(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gomail-dovecot-") // Dovecot's own users have to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	for _, sub := range []string{"run", "state", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "", "chown", "mail", filepath.Join(dir, "mail"))
	pem := write(t, filepath.Join(dir, "tls.pem"), selfSigned(t, "localhost"))
	address := "127.0.0.1:" + freePort(t)
	config := readFile(t, "testdata/dovecot.conf")
	config = strings.NewReplacer("{{.Dir}}", dir, "{{.Cert}}", pem, "{{.Key}}", pem, "{{.Port}}", portOf(t, address)).Replace(config)
	conf := write(t, filepath.Join(dir, "dovecot.conf"), config)
	p := start(t, []string{"TZ=UTC"}, "/usr/sbin/dovecot", "-F", "-c", conf)
	t.Cleanup(func() { p.signal(syscall.SIGTERM); p.wait() })
	eventually(t, "Dovecot to listen", func() bool { return p.running() && answers(address) })
	return address
}

// serveAccounts runs our server with an account for each script.
func serveAccounts(t testing.TB, scripts []string) string {
	t.Helper()
	i := serve(t, serveDNS(t), "")
	for _, script := range scripts {
		mustRun(t, accountOf(script).Password+"\n", binary, "--dir", i.dir, "account", "add", accountOf(script).Address, "--password-stdin")
	}
	return i.bound["imap.tls_listen"]
}

func accountOf(script string) account {
	name := strings.TrimSuffix(filepath.Base(script), ".txt")
	return account{name + "@example.test", "a password for " + name}
}

// difference is a command that two servers answer in different ways.
type difference struct {
	key   string // script: command
	lines string // "- " what Dovecot says, "+ " what we say
	why   string
}

func (d difference) String() string {
	return d.key + "\n" + d.lines + "why: " + d.why + "\n"
}

// compareScript plays a script to both servers.
func compareScript(t *testing.T, script, ours, reference string) []difference {
	t.Helper()
	steps := readScript(t, script)
	theirs := playScript(t, steps, reference, accountOf(script))
	mine := playScript(t, steps, ours, accountOf(script))
	name := strings.TrimSuffix(filepath.Base(script), ".txt")
	seen := map[string]int{}
	var found []difference
	for i, step := range steps {
		key := name + ": " + step.String()
		if seen[key]++; seen[key] > 1 {
			key += fmt.Sprintf(" (%d)", seen[key])
		}
		if lines := diff(theirs[i].lines(), mine[i].lines()); lines != "" {
			found = append(found, difference{key: key, lines: lines})
		}
	}
	return found
}

// diff returns the lines that only one side has. What only we advertise is no
// difference: docs/imap.md lists it.
func diff(theirs, mine []string) string {
	var b strings.Builder
	for _, line := range theirs {
		if !slices.Contains(mine, line) {
			b.WriteString("- " + oneLine(line) + "\n")
		}
	}
	for _, line := range mine {
		if !slices.Contains(theirs, line) && !strings.HasPrefix(line, capabilityLine) {
			b.WriteString("+ " + oneLine(line) + "\n")
		}
	}
	return b.String()
}

func oneLine(s string) string {
	return strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(s)
}

// readDifferences reads the file: paragraphs of a key, lines, and a reason.
func readDifferences(t testing.TB) map[string]difference {
	t.Helper()
	known := map[string]difference{}
	for _, paragraph := range strings.Split(readFile(t, differencesFile), "\n\n") {
		var d difference
		for line := range strings.Lines(strings.TrimSpace(paragraph) + "\n") {
			switch {
			case strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "+ "):
				d.lines += line
			case strings.HasPrefix(line, "why:"):
				d.why = strings.TrimSpace(strings.TrimPrefix(line, "why:"))
			default:
				d.key = strings.TrimSpace(line)
			}
		}
		if d.key != "" {
			known[d.key] = d
		}
	}
	return known
}

// writeDifferences writes the file anew with the reasons that it gave.
func writeDifferences(t testing.TB, found []difference, known map[string]difference) {
	t.Helper()
	b := strings.Builder{}
	b.WriteString("# What GoMail answers otherwise than Dovecot 2.3, and why: \"-\" is Dovecot, \"+\" GoMail.\n# go test ./e2e -run TestDovecotAnswersAlike -update writes it anew and keeps the reasons.\n")
	for _, d := range found {
		d.why = known[d.key].why
		b.WriteString("\n" + d.String())
	}
	if err := os.WriteFile(differencesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
