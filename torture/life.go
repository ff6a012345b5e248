package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gomail/internal/disk"
	"gomail/torture/powercut"
)

// life is one data directory from its first start to its last, with the cuts
// between, and everything that was acknowledged in it.
type life struct {
	binary, dir string
	env         []string
	random      *rand.Rand
	pace        time.Duration // between two things that a client does; 0: none
	world       *world
	survival    float64 // of what was not synced; negative: drawn for each cut

	strict  bool // with the limits that a server has which is told nothing
	plain   bool // no disk of ours: the machine's own
	disk    *powercut.Disk
	filled  bool
	backups atomic.Int64 // that came to their end
	anna    *inbox
	bert    *inbox
	readers []*folders
	outbox  *outbox

	whenRefused fate        // what is known of a message that was refused; zero: unsure
	enough      atomic.Bool // the workers stop
	acks        atomic.Int64
	took        timings      // from MAIL to the acknowledgement
	answers     tally        // other than acknowledgements
	packs       atomic.Int64 // rewritten
	duplicates  int
}

// begin makes a life on an empty disk.
func (l *life) begin() {
	l.disk, l.filled = powercut.New(), false
	l.anna, l.bert, l.outbox = newInbox(anna), newInbox(bert), newOutbox()
	l.readers = nil
	for i := range 4 {
		l.readers = append(l.readers, newFolders(bert, fmt.Sprintf("r%d-a", i), fmt.Sprintf("r%d-b", i)))
	}
}

// diskDir is where the disk is mounted, backupDir where the server backs itself
// up to: its power is cut like everybody's.
func (l *life) diskDir() string   { return filepath.Join(l.dir, "disk") }
func (l *life) backupDir() string { return filepath.Join(l.diskDir(), "backup") }

// mounted calls f with the disk mounted.
func (l *life) mounted(f func(config, data string) error) error {
	at := l.diskDir()
	if l.plain {
		return l.configured(filepath.Join(l.dir, "plain"), f)
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	m, err := l.disk.MountAt(at)
	if err != nil {
		return err
	}
	err = l.configured(at, f)
	return errors.Join(err, m.Unmount())
}

// makeKeyDir makes the directory for the secret key, as an operator does long
// before: it and its name are durable. The server's own directories are apart
// from it, so that nobody but the server makes their names durable.
func makeKeyDir(at string) error {
	return disk.MkdirAll("", filepath.Join(at, "etc"))
}

// perAddress is how many connections one address may have: all ours come from
// one, unless that is what is tried.
func (l *life) perAddress() int {
	if l.strict {
		return 50
	}
	return 2000
}

// configured calls f with a configuration of a server that keeps its data
// below a directory.
func (l *life) configured(at string, f func(config, data string) error) error {
	config, data := filepath.Join(l.dir, "gomail.toml"), filepath.Join(at, "srv", "mail", "gomail")
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	if err := errors.Join(makeKeyDir(at), configure(config, data, l.perAddress(), l.world)); err != nil {
		return err
	}
	return f(config, data)
}

// round starts the server, verifies what the last cut left, loads it and cuts
// the power. The problems are what is wrong; the error is that the test itself
// could not go on.
func (l *life) round(name string) (problems []string, err error) {
	err = l.mounted(func(config, data string) error {
		s, err := launch([]string{l.binary}, config, data, l.env...)
		if err != nil {
			return err
		}
		if l.random.IntN(8) == 0 { // in the middle of starting
			time.Sleep(time.Duration(l.random.IntN(300)) * time.Millisecond)
			l.cut(s)
			return nil
		}
		defer s.kill()
		if problems = l.resume(s); len(problems) > 0 {
			return nil
		}
		l.load(s, name)
		return nil
	})
	return problems, err
}

// resume waits for the server and verifies everything.
func (l *life) resume(s *server) []string {
	if err := s.ready(); err != nil {
		return []string{err.Error()}
	}
	if !l.filled {
		if err := l.fill(s); err != nil {
			return []string{err.Error() + "\n" + s.log.String()}
		}
	}
	return l.verify(s)
}

// fill makes domain, accounts and mailboxes, unless a cut came just after.
func (l *life) fill(s *server) error {
	if err := s.fill(); err != nil {
		return err
	}
	c, err := signIn(s, bert)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, r := range l.readers {
		for box := range r.now {
			if err := c.Create(box, nil).Wait(); err != nil {
				return err
			}
		}
	}
	l.filled = true
	return nil
}

// verify looks at every mailbox and runs the check.
func (l *life) verify(s *server) (problems []string) {
	found, err := s.check()
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, p := range found {
		problems = append(problems, "check: "+p)
	}
	for _, look := range []func(*server) ([]string, error){l.verifyAnna, l.verifyBert} {
		wrong, err := look(s)
		problems = append(problems, wrong...)
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) > 0 && !s.running() {
		problems = append(problems, s.log.String())
	}
	return problems
}

func (l *life) verifyAnna(s *server) ([]string, error) {
	c, err := signIn(s, anna)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	found, err := list(c, "INBOX")
	if err != nil {
		return nil, err
	}
	return l.anna.verify(found), nil
}

func (l *life) verifyBert(s *server) (wrong []string, err error) {
	c, err := signIn(s, bert)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	found, err := list(c, "INBOX")
	if err != nil {
		return nil, err
	}
	wrong = l.bert.verify(found)
	for _, r := range l.readers {
		boxes := map[string]listing{}
		for box := range r.now {
			if boxes[box], err = list(c, box); err != nil {
				return wrong, err
			}
		}
		wrong = append(wrong, r.verify(boxes)...)
	}
	return wrong, nil
}

// load works with the server and cuts the power in the middle. Now and then it
// first leaves the server alone for long enough to empty its log.
func (l *life) load(s *server, name string) {
	if l.random.IntN(4) == 0 {
		time.Sleep(2200 * time.Millisecond)
	}
	var workers sync.WaitGroup
	for i := range 24 {
		workers.Go(func() { l.deliver(s, fmt.Sprintf("%s-in%d", name, i)) })
	}
	for i := range 3 {
		workers.Go(func() { l.submit(s, fmt.Sprintf("%s-out%d", name, i)) })
	}
	for i, r := range l.readers {
		random := rand.New(rand.NewPCG(l.random.Uint64(), uint64(i)))
		workers.Go(func() { l.read(s, r, fmt.Sprintf("%s-r%d", name, i), random) })
	}
	workers.Go(func() { l.reap(s, l.anna, false) })
	workers.Go(func() {
		for {
			packs, err := s.collect()
			if err != nil {
				return
			}
			l.packs.Add(packs)
			time.Sleep(300 * time.Millisecond)
		}
	})
	workers.Go(func() {
		for s.backup(l.backupDir()) {
			l.backups.Add(1)
			time.Sleep(700 * time.Millisecond)
		}
	})
	time.Sleep(time.Duration(300+l.random.IntN(3500)) * time.Millisecond)
	l.cut(s)
	workers.Wait()
}

// cut takes the power away.
func (l *life) cut(s *server) {
	p := l.survival
	if p < 0 {
		p = []float64{0, 0.5, 0.9}[l.random.IntN(3)]
	}
	l.disk = l.disk.Cut(p, l.random)
	s.kill()
}

// end starts the server a last time, verifies, sends what is queued, and has
// it stop in order.
func (l *life) end() (problems []string, err error) {
	err = l.mounted(func(config, data string) error {
		s, err := launch([]string{l.binary}, config, data, l.env...)
		if err != nil {
			return err
		}
		defer s.kill()
		if problems = l.resume(s); len(problems) > 0 {
			return nil
		}
		if err := s.drain(); err != nil {
			problems = append(problems, err.Error())
			return nil
		}
		wrong, duplicates := l.outbox.verify()
		l.duplicates += duplicates
		problems = append(problems, wrong...)
		found, err := s.check()
		problems = append(problems, found...)
		if err := errors.Join(err, s.stop()); err != nil {
			return err
		}
		problems = append(problems, l.restore(config)...)
		return nil
	})
	if err == nil && len(problems) == 0 && l.backups.Load() > 0 {
		problems, err = l.checkRestored()
	}
	return problems, err
}

// restore makes a new data directory of the backup, whatever cuts came while
// it was made, and has it checked.
func (l *life) restore(config string) []string {
	if l.backups.Load() == 0 {
		return nil
	}
	return l.command(config, "restore", l.backupDir())
}

// checkRestored cuts the power once more, now that the restore has said that
// it is done, and checks what is there.
func (l *life) checkRestored() (problems []string, err error) {
	l.disk = l.disk.Cut(max(l.survival, 0), l.random)
	err = l.mounted(func(config, _ string) error {
		problems = l.command(config, "check")
		return nil
	})
	return problems, err
}

// command runs a command on the restored data directory and returns what is
// wrong.
func (l *life) command(config string, args ...string) []string {
	c := exec.Command(l.binary, append(args, "--config", config)...)
	c.Env = append(os.Environ(), append(l.env, "GOMAIL_SERVER_DATA_DIR="+filepath.Join(l.diskDir(), "restored"))...)
	if out, err := c.CombinedOutput(); err != nil {
		return []string{fmt.Sprintf("%s: %v: %s", args[0], err, out)}
	}
	return nil
}
