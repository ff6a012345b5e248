package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"gomail/torture/powercut"
)

// scenario is something that goes wrong while the server works.
type scenario struct {
	name string

	// begin lets it go wrong, and end mends it. Where end is nil the process
	// has to end by itself, and a restart on a mended disk has to find
	// everything.
	begin, end func(t *trial)

	stays bool     // a start while it is wrong has to fail with a sentence
	under []string // a command that runs the server, on the machine's own disk

	answers []string // the refusals that are right; one that has to be among them comes first
	lasts   time.Duration
	senders int                   // 0: 24
	last    func(t *trial) string // what is wrong when it has lasted
}

// scenarios are all that -faults tries.
func scenarios() []scenario {
	return []scenario{
		{name: "the disk is full", begin: fillDisk, end: makeRoom, answers: []string{"452 4.3.1", "NO OVERQUOTA"}},
		{name: "no inodes are left", begin: fillInodes, end: makeRoom, answers: []string{"452 4.3.1", "NO OVERQUOTA"}},
		{name: "not an octet can be written", begin: noOctet, end: mend, answers: []string{"452 4.3.1", "NO OVERQUOTA"}},
		{name: "a pack cannot be written", begin: fails(syscall.EIO, "write", isPack)},
		{name: "a pack cannot be synced", begin: fails(syscall.EIO, "sync", isPack)},
		{name: "a large message cannot be written", begin: fails(syscall.EIO, "write", isObject)},
		{name: "a large message cannot be synced", begin: fails(syscall.EIO, "sync", isObject)},
		{name: "the log cannot be written", begin: fails(syscall.EIO, "write", isLog)},
		{name: "the log cannot be synced", begin: fails(syscall.EIO, "sync", isLog)},
		{name: "the database cannot be written", begin: fails(syscall.EIO, "write", isDatabase)},
		{name: "the database cannot be synced", begin: thenRest(fails(syscall.EIO, "sync", isDatabase))},
		{name: "a directory cannot be synced", begin: fails(syscall.EIO, "syncdir", every)},
		{name: "the disk turns read-only", begin: readOnly, stays: true},
		{name: "fsync fails in the kernel", begin: func(*trial) {}, under: failingSyncs},
		{name: "the disk is slow", begin: slow(5 * time.Millisecond), end: mend, lasts: 3 * time.Second, senders: 64, last: grouped},
		{name: "no resolver answers", begin: silence, end: speak, lasts: 4 * time.Second, answers: []string{"", "451 4.3.0", "451 4.4.3", "450 4.4.3", "450 4.7.0"}},
	}
}

// Which files a fault is about.
func every(string) bool         { return true }
func isPack(name string) bool   { return strings.HasSuffix(name, ".pack") }
func isLog(name string) bool    { return strings.HasSuffix(name, "-wal") }
func isObject(name string) bool { return len(name) == 16 && !strings.Contains(name, ".") }

func isDatabase(name string) bool { return name == "gomail.db" }

// fails makes an operation on some files fail from now on.
func fails(with syscall.Errno, operation string, which func(name string) bool) func(*trial) {
	return func(t *trial) {
		t.disk.SetFault(func(o powercut.Operation) syscall.Errno {
			if o.Name == operation && which(o.Path) {
				return with
			}
			return 0
		})
	}
}

// thenRest ends the load once it goes wrong: an idle server empties its log
// into the database.
func thenRest(begin func(*trial)) func(*trial) {
	return func(t *trial) {
		begin(t)
		t.enough.Store(true)
	}
}

// failingSyncs has the kernel answer every sync with EIO, after the first
// hundred of each thread.
var failingSyncs = []string{"strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=100+"}

// readOnly makes everything fail that changes something, as a kernel does that
// no longer trusts the file system.
func readOnly(t *trial) {
	t.disk.SetFault(func(o powercut.Operation) syscall.Errno {
		switch o.Name {
		case "create", "write", "remove", "sync", "syncdir":
			return syscall.EROFS
		}
		return 0
	})
}

// slow makes every sync take its time.
func slow(delay time.Duration) func(*trial) {
	return func(t *trial) {
		t.took.reset()
		t.disk.SetFault(func(o powercut.Operation) syscall.Errno {
			switch {
			case o.Name == "sync" && isPack(o.Path):
				t.packs.Add(1)
			case o.Name == "sync" && isLog(o.Path):
				t.logs.Add(1)
			}
			if o.Name == "sync" || o.Name == "syncdir" {
				time.Sleep(delay)
			}
			return 0
		})
	}
}

func mend(t *trial) { t.disk.SetFault(nil) }

// fillDisk leaves two megabytes, of which the log and the packs take what they
// get.
func fillDisk(t *trial) { t.disk.Resize(t.disk.Used()+2<<20, 0) }

func fillInodes(t *trial) { t.disk.Resize(0, t.disk.Count()) }

// noOctet fills the disk in the middle of what is being written, which no look
// at the free space foresees.
func noOctet(t *trial) {
	t.disk.SetFault(func(o powercut.Operation) syscall.Errno {
		if o.Name == "write" || o.Name == "create" {
			return syscall.ENOSPC
		}
		return 0
	})
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func makeRoom(t *trial) { t.disk.Resize(0, 0) }

func silence(t *trial) { t.world.mute.Store(true) }

func speak(t *trial) { t.world.mute.Store(false) }

// grouped demands that many messages share a sync.
func grouped(t *trial) string {
	packs, logs, messages := t.packs.Load(), t.logs.Load(), int64(t.took.count())
	t.figure("%d messages, %d syncs of packs, %d of the log, p50 %v, p99 %v", messages, packs, logs,
		t.took.percentile(0.5).Round(time.Millisecond), t.took.percentile(0.99).Round(time.Millisecond))
	if messages < 5*max(packs, logs) {
		return "messages are not committed in groups"
	}
	return ""
}

// tryFaults tries every scenario, a few at a time because they mostly wait, and
// fails with what was wrong.
func (o options) tryFaults(ctx context.Context, dir string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	var wrong atomic.Int64
	for i, s := range scenarios() {
		if !strings.Contains(s.name, o.only) {
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			ok, err := o.tryFault(dir, uint64(i), s)
			if !ok {
				wrong.Add(1)
			}
			return err
		})
	}
	err := group.Wait()
	if n := wrong.Load(); n > 0 && err == nil {
		err = fmt.Errorf("%d scenarios went wrong", n)
	}
	return err
}

// tryFault tries one scenario and reports on it.
func (o options) tryFault(dir string, number uint64, s scenario) (ok bool, err error) {
	if len(s.under) > 0 && !installed(s.under[0]) {
		say("%-36s left out: %s is not installed", s.name, s.under[0])
		return true, nil
	}
	began := time.Now()
	t, problems, err := try(o, dir, number, s)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.name, err)
	}
	var report strings.Builder
	fmt.Fprintf(&report, "%-36s %5.1fs, %d acknowledged%s", s.name, time.Since(began).Seconds(), t.acks.Load(), t.figures)
	for _, p := range problems[:min(len(problems), 10)] {
		report.WriteString("\n    WRONG: " + p)
	}
	say("%s", &report)
	return len(problems) == 0, nil
}
