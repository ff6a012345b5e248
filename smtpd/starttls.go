package smtpd

import (
	"context"
	"crypto/tls"
	"strings"
	"time"

	"gomail"
)

// starttls upgrades the connection, RFC 3207.
func (c *conn) starttls(ctx context.Context, arg string) reply {
	switch {
	case arg != "":
		return badArgument("STARTTLS takes no argument")
	case c.cfg.TLS == nil:
		return notImplemented("TLS is not available")
	case c.client.TLS != nil:
		return badSequence("the connection is in TLS already")
	case len(c.in.buffered()) > 0:
		// Commands sent in plain text must not run under TLS: somebody on
		// the path may have put them there (CVE-2011-0411).
		c.linger = true
		return reply{code: 554, enhanced: "5.5.1", text: "nothing may follow STARTTLS before TLS begins", fault: true, close: true}
	}
	c.send("STARTTLS", reply{code: 220, enhanced: "2.0.0", text: "go ahead"})
	if c.flush() != nil || !c.handshake(ctx) {
		c.done = true
		return reply{}
	}
	c.forget()
	return reply{}
}

// forget drops all that the client said in plain text, RFC 3207 section 4.2.
func (c *conn) forget() {
	c.reset()
	c.client.Helo = ""
	c.client.ESMTP = false
}

// handshakeTimeout bounds the handshake, whatever a command may take.
const handshakeTimeout = time.Minute

// handshake puts TLS over the connection. Shutdown interrupts it.
func (c *conn) handshake(ctx context.Context) bool {
	now := time.Now()
	c.deadline = c.commandDeadline(now)
	if limit := now.Add(handshakeTimeout); limit.Before(c.deadline) {
		c.deadline = limit
	}
	if !c.beginWait() {
		return false
	}
	c.raw.SetWriteDeadline(c.deadline)
	conn := tls.Server(c.raw, c.cfg.TLS)
	err := conn.HandshakeContext(ctx)
	c.endWait()
	if err != nil {
		c.log.Info("TLS handshake failed", "err", err)
		return false
	}
	c.net = conn
	c.in.src = conn
	c.client.TLS = tlsInfo(conn.ConnectionState())
	return true
}

func tlsInfo(state tls.ConnectionState) *gomail.TLSInfo {
	return &gomail.TLSInfo{
		Version: strings.ReplaceAll(tls.VersionName(state.Version), " ", ""),
		Cipher:  tls.CipherSuiteName(state.CipherSuite),
	}
}
