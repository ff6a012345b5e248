package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of times in /proc/*/stat on every Linux that Go runs on.
const tick = time.Second / 100

// process is one line of /proc/*/stat.
type process struct {
	pid, parent int
	own         time.Duration // CPU time
	children    time.Duration // CPU time of children that have ended
}

// readProcess reads a process's times. The name in parentheses may hold
// anything, so fields count from the last parenthesis.
func readProcess(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(f) < 15 {
		return process{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	number := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	return process{
		pid: pid, parent: number(1),
		own:      time.Duration(number(11)+number(12)) * tick,
		children: time.Duration(number(13)+number(14)) * tick,
	}, nil
}

// family returns processes with all their living descendants.
func family(roots ...int) (all []process) {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	below := map[int][]process{}
	for _, p := range paths {
		pid, _ := strconv.Atoi(filepath.Base(p))
		if x, err := readProcess(pid); err == nil { // else: ended meanwhile
			below[x.parent] = append(below[x.parent], x)
		}
	}
	var add func(p process)
	add = func(p process) {
		all = append(all, p)
		for _, child := range below[p.pid] {
			add(child)
		}
	}
	for _, pid := range roots {
		if p, err := readProcess(pid); err == nil {
			add(p)
		}
	}
	return all
}

// cpuOf returns the CPU time of processes with all their descendants, living
// and ended.
func cpuOf(roots ...int) (total time.Duration) {
	for _, p := range family(roots...) {
		total += p.own + p.children
	}
	return total
}

// memoryOf returns the memory of processes with all their descendants, in
// octets; what they share is counted once.
func memoryOf(roots ...int) (total int64) {
	for _, p := range family(roots...) {
		total += kibibytes(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid), "Pss") << 10
	}
	return total
}

// kibibytes returns a value of a file of "name: value kB" lines.
func kibibytes(path, name string) int64 {
	value, _, _ := strings.Cut(field(path, name), " ")
	n, _ := strconv.ParseInt(value, 10, 64)
	return n
}

// watchMemory looks at the memory of processes until the function that it
// returns is called, which returns the most it saw.
func watchMemory(roots []int) func() int64 {
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		seen := int64(0)
		for {
			seen = max(seen, memoryOf(roots...))
			select {
			case <-tick.C:
			case <-stop:
				most <- seen
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}

// rssOf returns the resident memory of a process, in octets.
func rssOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), "VmRSS:")
	f := strings.Fields(rest)
	if !ok || len(f) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
	}
	kib, err := strconv.ParseInt(f[0], 10, 64)
	return kib << 10, err
}

// diskUse returns the octets of all files below a directory.
func diskUse(dir string) int64 {
	var total int64
	filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

// daemon is a program that runs beside the benchmark and dies with it.
type daemon struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func startDaemon(stdout *os.File, name string, args ...string) (*daemon, error) {
	d := &daemon{cmd: exec.Command(name, args...)}
	d.cmd.Stderr = &d.stderr
	if stdout != nil {
		d.cmd.Stdout = stdout
	}
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return d, d.cmd.Start()
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// stop ends the program and waits for it.
func (d *daemon) stop(s os.Signal) error {
	if err := d.cmd.Process.Signal(s); err != nil {
		return err
	}
	if err := d.cmd.Wait(); err != nil && s != syscall.SIGKILL {
		return fmt.Errorf("%s: %w\n%s", d.cmd.Path, err, d.stderr.String())
	}
	return nil
}
