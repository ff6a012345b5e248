package mxsend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gomail/queue"
	"gomail/tlspolicy"
)

// tlsError is a failure of TLS itself: plain text may work.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS: " + e.err.Error() }
func (e *tlsError) Unwrap() error { return e.err }

func isTLSError(err error) bool {
	var e *tlsError
	return errors.As(err, &e)
}

// policyError is a connection that does not have what a policy demands.
type policyError struct {
	enhanced string
	text     string
}

func (e *policyError) Error() string { return e.text }

// errNotOffered is why a session is not in TLS.
var errNotOffered = errors.New("the server does not offer STARTTLS")

// starttls upgrades the connection, RFC 3207. A server that offers STARTTLS
// and then refuses it goes on in plain text, unless TLS is needed.
func (c *client) starttls(ctx context.Context, r route) error {
	p, err := c.command(c.s.cfg.Timeouts.Hello, "STARTTLS")
	if err != nil {
		return &tlsError{err}
	}
	if !p.ok() {
		if c.broken {
			return &replyError{"STARTTLS", p}
		}
		c.security.Why = "the server refused STARTTLS"
		return nil
	}
	// What came in plain text with the reply must not be read as if it had
	// come under TLS: somebody on the path may have put it there.
	if c.r.Buffered() > 0 {
		return fmt.Errorf("STARTTLS: %w: something follows the reply", errMalformed)
	}
	if err := c.handshake(ctx, r); err != nil {
		return err
	}
	err = c.hello()
	if _, refused := err.(*replyError); err != nil && !refused {
		// With TLS 1.3 the server may find fault after our handshake is done.
		return &tlsError{err}
	}
	return err
}

// handshake puts TLS over the connection. The certificate of a smarthost is
// judged by the handshake itself, that of a domain's host by the policy.
func (c *client) handshake(ctx context.Context, r route) error {
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.Timeouts.Hello)
	defer cancel()
	cfg := c.s.cfg.TLS.Clone()
	cfg.ServerName = c.policy.server
	if !r.needsTLS() {
		cfg.InsecureSkipVerify = true
	}
	now := time.Now
	if cfg.Time != nil {
		now = cfg.Time
	}
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		c.judge(state.PeerCertificates, cfg.RootCAs, now())
		if c.flaw != nil && c.policy.level >= needsCertificate {
			return c.flaw
		}
		return nil
	}
	conn := tls.Client(c.conn, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return &tlsError{err}
	}
	state := conn.ConnectionState()
	c.use(conn)
	c.security.Version, c.security.Cipher = tlsVersion(state), tls.CipherSuiteName(state.CipherSuite)
	c.s.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "TLS established", slog.String("remote", c.host), slog.String("tls", c.security.String()), slog.String("policy", c.policy.describe()))
	return nil
}

// judge says how the server is verified, or why not: by its TLSA records where
// it has any, else by a certificate for its name. Where nobody insists on that
// it is only noted: opportunistic TLS protects from those who only listen.
func (c *client) judge(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) {
	p := c.policy
	var err error
	if len(p.tlsa) > 0 {
		if err = tlspolicy.VerifyDANE(p.tlsa, chain, p.names, now); err == nil {
			c.security.Verified = queue.ByDANE
			return
		}
	} else if err = tlspolicy.VerifyWebPKI(roots, chain, p.server, now); err == nil {
		c.security.Verified = p.by
		return
	}
	c.security.Why = cleanText(clip(err.Error(), maxReplyText))
	if len(p.tlsa) > 0 || p.by == queue.BySTS || p.level >= needsCertificate {
		c.flaw = &tlspolicy.Failure{Type: tlspolicy.TypeOf(err), Err: err}
	}
}

// demands turns a failure of TLS into one of the policy that demands it.
func (p policy) demands(err error) error {
	var flaw *tlspolicy.Failure
	if errors.As(err, &flaw) {
		return &policyError{"4.7.5", fmt.Sprintf("the server is not verified, which is demanded by %s: %s", p.asks, flaw.Error())}
	}
	return &policyError{"4.7.5", fmt.Sprintf("%s, and TLS is demanded by %s", err.Error(), p.asks)}
}
