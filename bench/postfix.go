package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed testdata/main.cf testdata/master.cf testdata/dovecot.conf testdata/queue.cf
var configurations embed.FS

// postfix is Postfix that hands what it takes to Dovecot, which keeps it in
// maildirs, with directories of its own.
type postfix struct {
	dir     string
	address string
	master  int // Postfix's first process
	dovecot *dovecot
	counted int // messages in maildirs, as of the last count
}

// startPostfix runs both below a directory that everybody may enter.
func startPostfix(ctx context.Context, dir string) (*postfix, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("the peers can only be started by root: run the benchmark as root, or with -only-gomail")
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &postfix{dir: dir, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if p.dovecot, err = startDovecot("Dovecot", dir, maildir); err != nil {
		return nil, err
	}
	if err := p.writeConfiguration(port); err != nil {
		return nil, err
	}
	if out, err := p.postfix(ctx, "start"); err != nil {
		return nil, errors.Join(fmt.Errorf("start Postfix: %w\n%s", err, out), p.dovecot.end())
	}
	return p, p.ready(ctx)
}

func (p *postfix) writeConfiguration(port int) error {
	for _, sub := range []string{"etc", "spool", "data"} {
		if err := os.MkdirAll(filepath.Join(p.dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := give(filepath.Join(p.dir, "data"), "postfix"); err != nil {
		return err
	}
	t, err := template.ParseFS(configurations, "testdata/*.cf")
	if err != nil {
		return err
	}
	for name, to := range map[string]string{"main.cf": "etc/main.cf", "master.cf": "etc/master.cf"} {
		f, err := os.Create(filepath.Join(p.dir, to))
		if err != nil {
			return err
		}
		values := struct {
			Dir             string
			Port, Processes int
		}{p.dir, port, 100}
		if err := errors.Join(t.ExecuteTemplate(f, name, values), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// give makes a user of the system the owner of a directory.
func give(path, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return os.Chown(path, uid, gid)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (p *postfix) postfix(ctx context.Context, command string) ([]byte, error) {
	return exec.CommandContext(ctx, "/usr/sbin/postfix", "-c", filepath.Join(p.dir, "etc"), command).CombinedOutput()
}

// ready waits until a message gets through.
func (p *postfix) ready(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(p.dir, "spool/pid/master.pid"))
	if err != nil {
		return err
	}
	if p.master, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		return err
	}
	c, err := dialSMTP(p.address)
	if err != nil {
		return err
	}
	defer c.close()
	for i := range mailboxes { // makes every maildir, so that no run has to
		if _, err := c.send(sender, mailbox(i), newMessage(1000)); err != nil {
			return err
		}
	}
	return p.arrived(ctx, mailboxes)
}

func (p *postfix) name() string { return "Postfix + Dovecot" }

func (p *postfix) smtp() string { return p.address }

// imapTo signs in at Dovecot.
func (p *postfix) imapTo(account int) (*imapClient, error) { return p.dovecot.imapTo(account) }

func (p *postfix) roots() []int { return []int{p.master, p.dovecot.pid()} }

func (p *postfix) data() string { return p.dir }

// arrived waits until the maildirs hold all messages.
func (p *postfix) arrived(ctx context.Context, sent int) error {
	deadline := time.NewTimer(5 * time.Minute)
	defer deadline.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	want := p.counted + sent
	for {
		n := p.count()
		if n >= want {
			p.counted = n
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("%d messages were taken, %d are in maildirs after five minutes; see %s", sent, n-p.counted, filepath.Join(p.dir, "log"))
		}
	}
}

// verify has nothing to add: arrived has counted.
func (p *postfix) verify(context.Context, int) error { return nil }

// count returns the number of files in all maildirs.
func (p *postfix) count() int {
	total := 0
	for i := range mailboxes {
		local, _, _ := strings.Cut(mailbox(i), "@")
		f, err := os.Open(filepath.Join(p.dir, "mail", local, "Maildir/new"))
		if err != nil {
			continue // nothing was delivered there yet
		}
		names, _ := f.Readdirnames(-1)
		f.Close()
		total += len(names)
	}
	return total
}

func (p *postfix) end() error {
	_, err := p.postfix(context.Background(), "stop")
	return errors.Join(err, p.dovecot.end())
}
