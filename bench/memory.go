package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// memory is what a server's process takes, in octets, and how it starts.
type memory struct {
	Fresh     int64 // idle, on the filled store, after a start
	Idle      int64 // a while after traffic
	Connected int64 // with idle IMAP connections besides
	Store     int64 // octets of the store
	Messages  int
	Clean     time.Duration // from exec to ready, after an orderly stop
	Killed    time.Duration // the same after SIGKILL under load
	Demo      time.Duration // the demo's start, its little internet included
}

const idleConnections = 1000

// measureMemory measures on the store that the loads left behind, filled up
// to size octets.
func (b *bench) measureMemory(ctx context.Context, size int64) (m memory, err error) {
	if err := b.fill(ctx, size); err != nil {
		return m, err
	}
	if m.Idle, err = b.settled(ctx, b.gomail.pid()); err != nil {
		return m, err
	}
	if m.Connected, err = b.connected(ctx); err != nil {
		return m, err
	}
	m.Messages, m.Store = b.gomail.counted, diskUse(b.gomail.dir)
	return m, b.measureStart(ctx, &m)
}

// fill sends messages until the store has a size.
func (b *bench) fill(ctx context.Context, size int64) error {
	l := load{Name: "fill", Connections: 64, Duration: 2 * time.Second}
	for diskUse(b.gomail.dir) < size {
		if _, err := l.run(ctx, b.gomail, b.small); err != nil {
			return err
		}
	}
	return nil
}

// settled returns a process's memory once it has had nothing to do for a while.
func (b *bench) settled(ctx context.Context, pid int) (int64, error) {
	select {
	case <-time.After(b.rest):
		return rssOf(pid)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// connected returns the memory with idle IMAP connections: TLS, signed in, an
// inbox selected, in IDLE.
func (b *bench) connected(ctx context.Context) (int64, error) {
	clients := make([]*imapClient, idleConnections)
	var all errgroup.Group
	all.SetLimit(8)
	for i := range clients {
		all.Go(func() (err error) {
			if clients[i], err = b.gomail.imap(i); err != nil {
				return err
			}
			return clients[i].idle()
		})
	}
	err := all.Wait()
	defer func() {
		for _, c := range clients {
			if c != nil {
				c.conn.Close()
			}
		}
	}()
	if err != nil {
		return 0, fmt.Errorf("idle connections: %w", err)
	}
	return b.settled(ctx, b.gomail.pid())
}

// measureStart restarts the server on its store: as the demo, which takes its
// configuration along, and as `gomail serve`, which is what counts.
func (b *bench) measureStart(ctx context.Context, m *memory) (err error) {
	if err := b.gomail.end(); err != nil {
		return err
	}
	if m.Clean, m.Fresh, err = b.serve(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	if b.gomail, err = startGoMail(b.binary, b.gomail.dir); err != nil {
		return err
	}
	m.Demo = b.gomail.started
	if b.gomail.counted, err = b.gomail.count(ctx); err != nil {
		return err
	}
	if err := b.killUnderLoad(ctx); err != nil {
		return err
	}
	m.Killed, _, err = b.serve(ctx, syscall.SIGTERM)
	return err
}

// killUnderLoad kills the server while it takes mail.
func (b *bench) killUnderLoad(ctx context.Context) error {
	message, err := b.gomail.signed(4000)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := load{Connections: 64, Duration: 30 * time.Second}.run(ctx, b.gomail, message)
		done <- err
	}()
	select {
	case err := <-done:
		return fmt.Errorf("the load ended too soon: %w", err)
	case <-time.After(3 * time.Second):
	}
	if err := b.gomail.stop(syscall.SIGKILL); err != nil {
		return err
	}
	if err := <-done; err == nil {
		return errors.New("the load outlived the server")
	}
	return nil
}

var webAddress = regexp.MustCompile(`(?s)\[web\]\s+listen = \["([^"]*)"\]`)

// serve runs `gomail serve` with the configuration that the demo wrote, and
// returns how long it took until /readyz said yes, and the memory after a rest.
func (b *bench) serve(ctx context.Context, end syscall.Signal) (time.Duration, int64, error) {
	text, err := os.ReadFile(filepath.Join(b.gomail.dir, "gomail.toml"))
	if err != nil {
		return 0, 0, err
	}
	at := webAddress.FindSubmatch(text)
	if at == nil {
		return 0, 0, errors.New("gomail.toml does not say where the web server listens")
	}
	begun := time.Now()
	d, err := startDaemon(nil, b.binary, "--dir", b.gomail.dir, "serve")
	if err != nil {
		return 0, 0, err
	}
	took, err := untilReady(ctx, "https://"+string(at[1])+"/readyz", begun, b.gomail.tls)
	if err != nil {
		return 0, 0, errors.Join(err, d.stop(syscall.SIGKILL), errors.New(d.stderr.String()))
	}
	rss, err := b.settled(ctx, d.pid())
	return took, rss, errors.Join(err, d.stop(end))
}

// untilReady asks until the answer is 200.
func untilReady(ctx context.Context, url string, begun time.Time, config *tls.Config) (time.Duration, error) {
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: time.Second}
	for time.Since(begun) < time.Minute {
		answer, err := client.Get(url)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return time.Since(begun), nil
			}
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 0, errors.New("the server was not ready within a minute")
}
