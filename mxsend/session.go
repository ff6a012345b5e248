package mxsend

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"

	"gomail/internal/netaddr"
	"gomail/tlspolicy"
)

// outcomeOf says what a connection means for the domain's report: flaw is why
// TLS is not as its policy asks. Not counted: a server that could not be
// talked to at all.
func (p policy) outcomeOf(c *client, err error) (flaw *tlspolicy.Failure, counted bool) {
	switch {
	case c == nil:
		return nil, false
	case isTLSError(err):
		return &tlspolicy.Failure{Type: tlspolicy.TypeOf(err), Err: err}, true
	case c.ext.known && c.security.Version == "":
		return &tlspolicy.Failure{Type: tlspolicy.STARTTLSNotSupported, Err: errNotOffered}, true
	case err != nil && c.security.Version == "":
		return nil, false
	case c.flaw != nil:
		return c.flaw, true
	}
	return p.flaw, true
}

// count tells of a session, or of one that did not come about. c may be nil.
func (s *Sender) count(r route, p policy, host string, c *client, flaw *tlspolicy.Failure) {
	if s.cfg.Session == nil || p.kind == "" || r.smarthost != nil || r.silent {
		return
	}
	session := tlspolicy.Session{Domain: r.domain, Policy: p.kind, Strings: p.text, MXHosts: p.hosts}
	if flaw != nil {
		session.Failure = tlspolicy.FailureDetail{Type: flaw.Type, ReceivingMX: host, ReasonCode: reasonOf(flaw)}
		if c != nil {
			session.Failure.ReceivingIP, session.Failure.SendingIP = c.addr, s.sendingIP(c)
		}
	}
	s.cfg.Session(session)
}

// maxReason bounds the reason in a report.
const maxReason = 200

// reasonOf is a failure's reason without what is different every time, such as
// the hour and the port: reports count by it.
func reasonOf(flaw *tlspolicy.Failure) string {
	var invalid x509.CertificateInvalidError
	var lookup *net.DNSError
	var network net.Error
	text := flaw.Error()
	switch {
	case errors.As(flaw.Err, &invalid) && invalid.Reason == x509.Expired:
		text = "the certificate has expired, or is not valid yet"
	case errors.As(flaw.Err, &lookup):
		text = lookup.Err
	case errors.As(flaw.Err, &network) && network.Timeout():
		text = "the server did not answer in time"
	case errors.As(flaw.Err, &network), errors.Is(flaw.Err, io.EOF):
		text = "the connection was lost"
	}
	return cleanText(clip(text, maxReason))
}

// sendingIP is the address from which a connection comes, as the other side
// sees it: behind a translation that is the public one that is configured.
func (s *Sender) sendingIP(c *client) netip.Addr {
	tcp, ok := c.local.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	local := tcp.AddrPort().Addr().Unmap()
	if netaddr.IsPublic(local) {
		return local
	}
	for _, own := range s.cfg.OwnAddresses {
		if own.Is4() == local.Is4() {
			return own
		}
	}
	return local
}
