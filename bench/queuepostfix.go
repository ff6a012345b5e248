package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// queuePostfix is Postfix that relays to the destinations of the benchmark's
// DNS, up to so many connections to each.
type queuePostfix struct {
	dir         string
	address     string
	concurrency int
	master      int // its first process
	conf        string
}

// writeResolverConf writes a resolv.conf that leads to the benchmark's DNS.
func writeResolverConf(dir string) (string, error) {
	path := filepath.Join(dir, "resolv.conf")
	return path, os.WriteFile(path, []byte("nameserver "+queueDNS+"\n"), 0o644)
}

// insideNet returns a command that sees conf as its /etc/resolv.conf, in a
// mount namespace of its own.
func insideNet(conf string, command ...string) []string {
	return append([]string{"/usr/bin/unshare", "-m", "/bin/sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, conf}, command...)
}

// runCommand runs a program to its end and returns what it printed.
func runCommand(ctx context.Context, command ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	return out, err
}

func startQueuePostfix(ctx context.Context, dir, conf string, concurrency int) (*queuePostfix, error) {
	address, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &queuePostfix{dir: dir, address: address, concurrency: concurrency, conf: conf}
	if err := p.writeConfiguration(port); err != nil {
		return nil, err
	}
	if _, err := runCommand(ctx, insideNet(conf, "/usr/sbin/postfix", "-c", filepath.Join(dir, "etc"), "start")...); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "spool/pid/master.pid"))
	if err == nil {
		p.master, err = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	return p, errors.Join(err, untilListening(ctx, address))
}

func (p *queuePostfix) writeConfiguration(port int) error {
	for _, sub := range []string{"etc", "spool", "data", "log"} {
		if err := os.MkdirAll(filepath.Join(p.dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := give(filepath.Join(p.dir, "data"), "postfix"); err != nil {
		return err
	}
	values := struct {
		Dir                          string
		Port, Concurrency, Processes int
	}{p.dir, port, p.concurrency, 2 * max(100, p.concurrency)}
	return errors.Join(writeTemplate(filepath.Join(p.dir, "etc/main.cf"), "queue.cf", values),
		writeTemplate(filepath.Join(p.dir, "etc/master.cf"), "master.cf", values))
}

// writeTemplate fills a template of testdata in.
func writeTemplate(path, name string, values any) error {
	t, err := template.ParseFS(configurations, "testdata/"+name)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(t.ExecuteTemplate(f, name, values), f.Close())
}

// untilListening waits until an address takes connections.
func untilListening(ctx context.Context, address string) error {
	for range 200 {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("nothing listens at %s after ten seconds", address)
}

func (p *queuePostfix) name() string {
	return fmt.Sprintf("Postfix, %d per destination", p.concurrency)
}

func (p *queuePostfix) cpu() time.Duration { return cpuOf(p.master) }

func (p *queuePostfix) fill(ctx context.Context, n, destinations int) error {
	return fillBySMTP(ctx, func() (*smtpClient, error) { return dialSMTP(p.address) }, sender, n, destinations)
}

func (p *queuePostfix) begin(context.Context) error { return nil }

// finish waits until no queue file is left.
func (p *queuePostfix) finish(ctx context.Context) error {
	return untilEmpty(ctx, func() (bool, error) {
		for _, queue := range []string{"maildrop", "incoming", "active", "deferred"} {
			if n, err := countFiles(filepath.Join(p.dir, "spool", queue)); n > 0 || err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// countFiles counts the files below a directory that may change meanwhile.
func countFiles(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

func (p *queuePostfix) end() error {
	_, err := runCommand(context.Background(), insideNet(p.conf, "/usr/sbin/postfix", "-c", filepath.Join(p.dir, "etc"), "stop")...)
	return err
}
