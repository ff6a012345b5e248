package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// chasquid is started on a queue that was written as it writes it itself:
// while it runs it takes no more than 200 messages.
type chasquid struct {
	dir, conf string
	daemon    *daemon
	used      time.Duration // CPU time of daemons that have ended
}

func newChasquid(dir, conf string) (*chasquid, error) {
	for _, sub := range []string{"certs/mx.remote.test", "domains/remote.test", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	c := &chasquid{dir: dir, conf: conf}
	return c, errors.Join(writeCertificate(filepath.Join(dir, "certs/mx.remote.test"), "mx.remote.test"), c.writeConfiguration())
}

func (c *chasquid) writeConfiguration() error {
	smtp, _, err := freeAddress()
	if err != nil {
		return err
	}
	submission, _, err := freeAddress()
	text := fmt.Sprintf("hostname: \"mx.remote.test\"\nsmtp_address: %q\nsubmission_address: %q\nsubmission_over_tls_address: \"127.0.0.1:0\"\ndata_dir: %q\nmail_log_path: %q\n",
		smtp, submission, filepath.Join(c.dir, "data"), filepath.Join(c.dir, "mail.log"))
	return errors.Join(err, os.WriteFile(filepath.Join(c.dir, "chasquid.conf"), []byte(text), 0o644))
}

// writeCertificate writes the certificate without which chasquid does not
// start, self-signed.
func writeCertificate(dir, host string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "fullchain.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644),
		os.WriteFile(filepath.Join(dir, "privkey.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

func (c *chasquid) name() string { return "chasquid" }

func (c *chasquid) queue() string { return filepath.Join(c.dir, "data/queue") }

// fill writes queue files, protocol buffers in text form.
func (c *chasquid) fill(_ context.Context, n, destinations int) error {
	if err := os.MkdirAll(c.queue(), 0o700); err != nil {
		return err
	}
	for mark := range n {
		domain, _ := destination(mark % destinations)
		to := fmt.Sprintf("r%d@%s", mark, domain)
		data := append(fmt.Appendf(nil, "X-Bench-Mark: %d\n", mark), queueMessage(sender)...)
		text := fmt.Sprintf("ID: \"bench%d\"\nfrom: %q\nTo: %q\nrcpt: {\n  address: %q\n  type: EMAIL\n  status: PENDING\n  original_address: %q\n}\ndata: %q\ncreated_at_ts: {\n  seconds: %d\n  nanos: 1\n}\n",
			mark, sender, to, to, to, data, time.Now().Unix())
		if err := os.WriteFile(filepath.Join(c.queue(), fmt.Sprintf("m:bench%d", mark)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *chasquid) begin(context.Context) (err error) {
	command := insideNet(c.conf, "/usr/bin/chasquid", "--config_dir", c.dir)
	c.daemon, err = startDaemon(nil, command[0], command[1:]...)
	return err
}

// finish waits until no queue file is left, and stops it.
func (c *chasquid) finish(ctx context.Context) error {
	err := untilEmpty(ctx, func() (bool, error) {
		n, err := countFiles(c.queue())
		return n == 0, err
	})
	c.used = c.cpu()
	return errors.Join(err, c.end())
}

func (c *chasquid) cpu() time.Duration {
	if c.daemon == nil {
		return c.used
	}
	return c.used + cpuOf(c.daemon.pid())
}

func (c *chasquid) end() error {
	if c.daemon == nil {
		return nil
	}
	d := c.daemon
	c.daemon = nil
	return d.stop(syscall.SIGKILL) // it does not end on SIGTERM while it delivers
}
