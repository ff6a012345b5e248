package main

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// dovecot is Dovecot with directories of its own. It takes every password.
type dovecot struct {
	*daemon
	label   string
	dir     string
	address string // IMAP over TLS
}

// The ways in which Dovecot keeps mail.
const (
	maildir = "maildir:~/Maildir"
	mdbox   = "mdbox:~/mdbox"
)

// startDovecot runs Dovecot below a directory that everybody may enter.
func startDovecot(label, dir, location string) (*dovecot, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("the peers can only be started by root: run the benchmark as root, or with -only-gomail")
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	d := &dovecot{label: label, dir: dir, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if err := d.writeConfiguration(port, location); err != nil {
		return nil, err
	}
	d.daemon, err = startDaemon(nil, "/usr/sbin/dovecot", "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	if err != nil {
		return nil, err
	}
	return d, waitFor(d.address)
}

func (d *dovecot) writeConfiguration(port int, location string) error {
	for _, sub := range []string{"log", "run", "state", "mail"} {
		if err := os.MkdirAll(filepath.Join(d.dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(give(filepath.Join(d.dir, "mail"), "mail"), writeCertificate(d.dir, "mx.gomail.test")); err != nil {
		return err
	}
	t, err := template.ParseFS(configurations, "testdata/dovecot.conf")
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(d.dir, "dovecot.conf"))
	if err != nil {
		return err
	}
	values := struct {
		Dir, Location string
		IMAPPort      int
	}{d.dir, location, port}
	return errors.Join(t.Execute(f, values), f.Close())
}

// waitFor waits until somebody listens at an address.
func waitFor(address string) error {
	var err error
	for range 100 {
		var conn net.Conn
		if conn, err = net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (d *dovecot) name() string { return d.label }

func (d *dovecot) roots() []int { return []int{d.pid()} }

// imapTo signs in, over TLS as at GoMail.
func (d *dovecot) imapTo(account int) (*imapClient, error) {
	local, _, _ := strings.Cut(mailbox(account), "@")
	return dialIMAP(d.address, &tls.Config{InsecureSkipVerify: true}, local, password)
}

func (d *dovecot) end() error { return d.stop(syscall.SIGTERM) }
