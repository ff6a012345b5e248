package mxsend

import (
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
	if s.cfg.Session == nil || p.kind == "" || r.smarthost != nil {
		return
	}
	session := tlspolicy.Session{Domain: r.domain, Policy: p.kind, Strings: p.text, MXHosts: p.hosts}
	if flaw != nil {
		session.Failure = tlspolicy.FailureDetail{Type: flaw.Type, ReceivingMX: host, ReasonCode: cleanText(clip(flaw.Error(), maxReason))}
		if c != nil {
			session.Failure.ReceivingIP, session.Failure.SendingIP = c.addr, s.sendingIP(c)
		}
	}
	s.cfg.Session(session)
}

// maxReason bounds the reason in a report.
const maxReason = 200

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
