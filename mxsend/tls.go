package mxsend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// tlsError is a failure of TLS itself: plain text may work.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS: " + e.err.Error() }
func (e *tlsError) Unwrap() error { return e.err }

func isTLSError(err error) bool {
	var e *tlsError
	return errors.As(err, &e)
}

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

// handshake puts TLS over the connection. The certificate is only required
// to be right for a smarthost; elsewhere whether it is right is recorded:
// opportunistic TLS protects from those who only listen.
func (c *client) handshake(ctx context.Context, r route) error {
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.Timeouts.Hello)
	defer cancel()
	cfg := c.s.cfg.TLS.Clone()
	cfg.ServerName = c.host
	if !r.needsTLS() {
		cfg.InsecureSkipVerify = true
	}
	conn := tls.Client(c.conn, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return &tlsError{err}
	}
	state := conn.ConnectionState()
	c.use(conn)
	c.tls = tlsVersion(state)
	c.logTLS(state, verify(state, cfg.RootCAs, c.host))
	return nil
}

// verify says why a certificate is not right for a host, or nothing.
func verify(state tls.ConnectionState, roots *x509.CertPool, host string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server has sent no certificate")
	}
	if len(state.VerifiedChains) > 0 {
		return nil
	}
	opts := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
	for _, cert := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	return err
}
