package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Programs that keep a Maildir and the server in step: messages are removed,
// moved, marked and added on both sides, and the program is killed again and
// again, each time a little later. In the end both sides hold the same.
func TestSynchronisersAreKilled(t *testing.T) {
	for name, configure := range map[string]func(d *demo, dir, port string) []string{"mbsync": mbsyncTwoWays, "offlineimap": offlineIMAP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need(t, name)
			synchroniseAndKill(t, configure)
		})
	}
}

func synchroniseAndKill(t *testing.T, configure func(d *demo, dir, port string) []string) {
	d := startDemo(t)
	dir := t.TempDir()
	fuse := newFuse(t, d.IMAPS)
	s := &synchronised{demo: d, t: t, dir: dir, imap: dialIMAP(t, d.IMAPS, d.tls(), d.anna()), fuse: fuse, command: configure(d, dir, portOf(t, fuse.address))}
	for n := range messagesBefore {
		s.append("INBOX", fmt.Sprintf("m%02d", n))
	}
	s.run()
	s.same(s.before())
	s.changeThere()
	s.changeHere()
	s.run()
	s.same(s.after())
	if s.kills < 4 {
		t.Errorf("%s was killed %d times only", s.command[0], s.kills)
	}
	d.checkClean()
}

// How many messages there are at first, and how many each side adds.
const (
	messagesBefore = 64
	messagesAdded  = 4
)

// synchronised is an account and the Maildir of a program.
type synchronised struct {
	*demo
	t       *testing.T
	dir     string
	imap    *imapclient.Client
	fuse    *fuse
	command []string
	kills   int
}

// contents maps "mailbox: subject" to the flags as a Maildir writes them.
type contents map[string]string

// run runs the program to its end: first it is killed once it has exchanged
// so many octets, each time more.
func (s *synchronised) run() {
	s.t.Helper()
	for limit := int64(5000); ; limit *= 3 {
		burnt := s.fuse.light(limit)
		p := start(s.t, []string{"HOME=" + s.dir}, s.command[0], s.command[1:]...)
		select {
		case <-burnt:
			p.kill()
			s.kills++
			continue
		case <-p.exited:
		case <-time.After(patience):
			s.t.Fatalf("%v does not end: %s%s", s.command, p.stdout.String(), p.stderr.String())
		}
		if p.code != 0 {
			s.t.Fatalf("%v: exit %d\n%s%s", s.command, p.code, p.stdout.String(), p.stderr.String())
		}
		break
	}
	// What was interrupted may need one run more to be known on both sides.
	s.fuse.light(1 << 40)
	mustRun(s.t, "", "env", append([]string{"HOME=" + s.dir}, s.command...)...)
}

// same demands that both sides hold the messages that they should.
func (s *synchronised) same(want contents) {
	s.t.Helper()
	if there := s.there(); !maps.Equal(there, want) {
		s.t.Errorf("the server holds otherwise than it should:\n%s", compare(there, want))
	}
	if here := s.here(); !maps.Equal(here, want) {
		s.t.Errorf("the Maildir holds otherwise than it should:\n%s", compare(here, want))
	}
}

func compare(got, want contents) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if w, ok := want[key]; !ok || w != got[key] {
			fmt.Fprintf(&b, "+ %s %q\n", key, got[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok || g != want[key] {
			fmt.Fprintf(&b, "- %s %q\n", key, want[key])
		}
	}
	return b.String()
}

// before is what is there at first.
func (s *synchronised) before() contents {
	all := contents{}
	for n := range messagesBefore {
		all[fmt.Sprintf("INBOX: m%02d", n)] = ""
	}
	return all
}

// What is done with each eighth message.
const (
	untouched = iota
	markedThere
	removedThere
	movedThere
	readHere
	removedHere
	movedHere
	markedOnBothSides
	kinds
)

// after is what has to be there in the end.
func (s *synchronised) after() contents {
	all := contents{}
	for n := range messagesBefore {
		subject := fmt.Sprintf("m%02d", n)
		switch n % kinds {
		case untouched:
			all["INBOX: "+subject] = ""
		case markedThere:
			all["INBOX: "+subject] = "F"
		case movedThere, movedHere:
			all["Archive: "+subject] = ""
		case readHere:
			all["INBOX: "+subject] = "S"
		case markedOnBothSides:
			all["INBOX: "+subject] = "FS"
		}
	}
	for n := range messagesAdded {
		all[fmt.Sprintf("INBOX: there%d", n)] = ""
		all[fmt.Sprintf("INBOX: here%d", n)] = "S"
	}
	return all
}

// messageNamed is a message of 2 KB that does not deflate to nothing.
func messageNamed(subject string) string {
	text := "From: you@remote.test\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@remote.test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n"
	for n := range 25 {
		text += fmt.Sprintf("%x\r\n", sha256.Sum256(fmt.Append(nil, subject, n)))
	}
	return text
}

func (s *synchronised) append(box, subject string) {
	s.t.Helper()
	raw := messageNamed(subject)
	c := s.imap.Append(box, int64(len(raw)), nil)
	io.WriteString(c, raw)
	c.Close()
	if _, err := c.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

// changeThere changes messages at the server.
func (s *synchronised) changeThere() {
	s.t.Helper()
	c := s.imap
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		s.t.Fatal(err)
	}
	of := func(kind int) (set imap.UIDSet) {
		for n := kind; n < messagesBefore; n += kinds {
			set.AddNum(imap.UID(n + 1))
		}
		return set
	}
	add := func(set imap.UIDSet, flag imap.Flag) error {
		return c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{flag}, Silent: true}, nil).Close()
	}
	_, moved := c.Move(of(movedThere), "Archive").Wait()
	for _, err := range []error{
		add(of(markedThere), imap.FlagFlagged), add(of(markedOnBothSides), imap.FlagFlagged),
		add(of(removedThere), imap.FlagDeleted), c.UIDExpunge(of(removedThere)).Close(), moved,
	} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for n := range messagesAdded {
		s.append("INBOX", fmt.Sprintf("there%d", n))
	}
}

// changeHere changes the Maildir as a program that reads it would.
func (s *synchronised) changeHere() {
	s.t.Helper()
	for path, subject := range s.files("INBOX") {
		var n int
		fmt.Sscanf(subject, "m%d", &n)
		var err error
		switch n % kinds {
		case readHere, markedOnBothSides:
			err = os.Rename(path, filepath.Join(s.dir, "mail/INBOX/cur", uniqueName(path)+":2,S"))
		case removedHere:
			err = os.Remove(path)
		case movedHere:
			err = os.Rename(path, filepath.Join(s.dir, "mail/Archive/cur", subject+".moved:2,"))
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for n := range messagesAdded {
		subject := fmt.Sprintf("here%d", n)
		write(s.t, filepath.Join(s.dir, "mail/INBOX/cur", subject+".new:2,S"), strings.ReplaceAll(messageNamed(subject), "\r\n", "\n"))
	}
}

// uniqueName is the name of a file of a Maildir without its flags.
func uniqueName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ":")
	return name
}

var subjectOf = regexp.MustCompile(`(?m)^Subject: (\S+)`)

// files maps the files of a mailbox of the Maildir to their subjects.
func (s *synchronised) files(box string) map[string]string {
	s.t.Helper()
	found := map[string]string{}
	for _, sub := range []string{"new", "cur"} {
		paths, _ := filepath.Glob(filepath.Join(s.dir, "mail", box, sub, "*"))
		for _, path := range paths {
			found[path] = subjectOf.FindStringSubmatch(readFile(s.t, path))[1]
		}
	}
	return found
}

// here reads the Maildir.
func (s *synchronised) here() contents {
	all := contents{}
	for _, box := range []string{"INBOX", "Archive"} {
		for path, subject := range s.files(box) {
			_, flags, _ := strings.Cut(path, ":2,")
			all.add(box+": "+subject, flags)
		}
	}
	return all
}

// there reads the account.
func (s *synchronised) there() contents {
	s.t.Helper()
	c := dialIMAP(s.t, s.IMAPS, s.tls(), s.anna())
	defer c.Close()
	all := contents{}
	for _, box := range []string{"INBOX", "Archive"} {
		selected, err := c.Select(box, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			s.t.Fatal(err)
		}
		if selected.NumMessages == 0 {
			continue
		}
		var every imap.SeqSet
		every.AddRange(1, 0)
		found, err := c.Fetch(every, &imap.FetchOptions{Flags: true, Envelope: true}).Collect()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, m := range found {
			all.add(box+": "+m.Envelope.Subject, maildirFlags(m.Flags))
		}
	}
	return all
}

// add notes a message; a second one of that name is noted by its number.
func (c contents) add(key, flags string) {
	name := key
	for n := 2; ; n++ {
		if _, ok := c[name]; !ok {
			break
		}
		name = fmt.Sprintf("%s (%d)", key, n)
	}
	c[name] = flags
}

// maildirFlags writes flags as in a Maildir.
func maildirFlags(flags []imap.Flag) string {
	letters := map[imap.Flag]string{imap.FlagDraft: "D", imap.FlagFlagged: "F", imap.FlagAnswered: "R", imap.FlagSeen: "S", imap.FlagDeleted: "T"}
	var words []string
	for _, f := range flags {
		words = append(words, letters[f])
	}
	slices.Sort(words)
	return strings.Join(words, "")
}

// fuse is a relay that tells when so many octets went through it.
type fuse struct {
	address string
	left    atomic.Int64
	burnt   atomic.Pointer[chan struct{}]
}

func newFuse(t testing.TB, to string) *fuse {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f := &fuse{address: l.Addr().String()}
	f.light(1 << 40)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go f.relay(in, out)
			go f.relay(out, in)
		}
	}()
	return f
}

// light makes the fuse as long as limit says and returns what is closed when
// it has burnt down.
func (f *fuse) light(limit int64) <-chan struct{} {
	burnt := make(chan struct{})
	f.burnt.Store(&burnt)
	f.left.Store(limit)
	return burnt
}

// relay passes on what comes; what comes after the end of the fuse is lost.
func (f *fuse) relay(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 2048)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		before := f.left.Add(int64(-n)) + int64(n)
		if before <= 0 {
			return
		}
		if before <= int64(n) {
			close(*f.burnt.Load())
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// mbsyncTwoWays configures mbsync for INBOX and Archive.
func mbsyncTwoWays(d *demo, dir, port string) []string {
	far := strings.Replace(d.mbsyncFar(d.anna()), "Port "+portOf(d.t, d.IMAPS), "Port "+port, 1)
	rc := write(d.t, filepath.Join(dir, "mbsyncrc"), far+fmt.Sprintf(`
MaildirStore near
Path %[1]s/mail/
Inbox %[1]s/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns INBOX Archive
Create Both
Expunge Both
SyncState *
`, dir))
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		d.t.Fatal(err)
	}
	return []string{"mbsync", "-c", rc, "-a"}
}

// offlineIMAP configures OfflineIMAP likewise.
func offlineIMAP(d *demo, dir, port string) []string {
	rc := write(d.t, filepath.Join(dir, "offlineimaprc"), fmt.Sprintf(`[general]
accounts = a
metadata = %[1]s/meta
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %[1]s/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = %[2]s
remoteuser = %[3]s
remotepass = %[4]s
ssl = yes
sslcacertfile = %[5]s
maxconnections = 1
folderfilter = lambda name: name in ['INBOX', 'Archive']
`, dir, port, d.anna().Address, d.anna().Password, d.CAFile))
	return []string{"offlineimap", "-c", rc, "-o", "-u", "basic"}
}
