package dnswatch

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// ednsSize is how large an answer over UDP may be (DNS flag day 2020).
const ednsSize = 1232

// defaultTimeout is how long one server has for one answer.
const defaultTimeout = 2 * time.Second

// tries is how often a question is put over UDP, where packets get lost.
const tries = 2

// ask puts one question to one server, over TCP when the answer over UDP was
// cut short. recurse asks a resolver.
func (p *Prober) ask(ctx context.Context, server, name string, qtype uint16, recurse bool) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.RecursionDesired = recurse
	q.SetEdns0(ednsSize, true)
	return p.put(ctx, server, q)
}

// askUnchecked asks a resolver for what it would not give because signatures
// do not verify (RFC 4035 section 3.2.2).
func (p *Prober) askUnchecked(ctx context.Context, resolver, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.RecursionDesired, q.CheckingDisabled = true, true
	q.SetEdns0(ednsSize, true)
	return p.put(ctx, resolver, q)
}

// put sends a question when the server's turn has come.
func (p *Prober) put(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	l := ofNameServers
	if q.RecursionDesired {
		l = ofResolvers
	}
	leave, err := p.pacer.enter(ctx, server, l)
	if err != nil {
		return nil, err
	}
	defer leave()
	m, err := p.exchange(ctx, "udp", server, q)
	for try := 1; try < tries && isTimeout(err) && ctx.Err() == nil; try++ {
		m, err = p.exchange(ctx, "udp", server, q)
	}
	if err == nil && m.Truncated {
		m, err = p.exchange(ctx, "tcp", server, q)
	}
	return m, err
}

func (p *Prober) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	conn, err := p.config.Dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	c := dns.Client{Net: network, UDPSize: ednsSize}
	m, _, err := c.ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: conn, UDPSize: ednsSize})
	return m, err
}

// answersOverTCP reports whether a server answers over TCP as it does over UDP.
func (p *Prober) answersOverTCP(ctx context.Context, server, name string) bool {
	leave, err := p.pacer.enter(ctx, server, ofNameServers)
	if err != nil {
		return true // the look was broken off, and tells nothing
	}
	defer leave()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeSOA)
	q.RecursionDesired = false
	m, err := p.exchange(ctx, "tcp", server, q)
	return err == nil && m.Rcode == dns.RcodeSuccess || ctx.Err() != nil
}

// answer turns a message into what it says about a question.
func answer(m *dns.Msg, err error, name string, qtype uint16, recursive bool) dnsplan.Answer {
	var a dnsplan.Answer
	switch {
	case err != nil:
		a.Status = failed(err)
		return a
	case m.Rcode == dns.RcodeServerFailure:
		a.Status = dnsplan.ServFail
		return a
	case m.Rcode == dns.RcodeRefused || !recursive && !m.Authoritative:
		a.Status = dnsplan.Lame
		return a
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		a.Status = dnsplan.ServFail
		return a
	}
	read(m, &a, dns.CanonicalName(name), qtype)
	switch {
	case len(a.Values) > 0:
		a.Status = dnsplan.Answered
	case m.Rcode == dns.RcodeNameError:
		a.Status, a.TTL = dnsplan.NXDomain, negativeTTL(m)
	default:
		a.Status, a.TTL = dnsplan.NoData, negativeTTL(m)
	}
	return a
}

// failed says what an error of the exchange means. A port that is closed is
// a server that is away, not one that fails.
func failed(err error) dnsplan.Status {
	if isTimeout(err) || errors.Is(err, syscall.ECONNREFUSED) {
		return dnsplan.Timeout
	}
	return dnsplan.ServFail
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// read takes the values of a name, through the aliases in the message.
func read(m *dns.Msg, a *dnsplan.Answer, name string, qtype uint16) {
	for range len(m.Answer) + 1 {
		next := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if dns.CanonicalName(h.Name) != name {
				continue
			}
			if h.Rrtype == qtype {
				a.Values = append(a.Values, value(rr))
				a.TTL = int(h.Ttl)
			} else if c, ok := rr.(*dns.CNAME); ok {
				next = c.Target
			}
		}
		if next == "" || len(a.Values) > 0 {
			return
		}
		a.Aliases = append(a.Aliases, next)
		name = dns.CanonicalName(next)
	}
}

// value renders a record's data as a plan does.
func value(rr dns.RR) dnsplan.Value {
	switch rr := rr.(type) {
	case *dns.TXT:
		return dnsplan.Value{Text: unescape(strings.Join(rr.Txt, ""))}
	case *dns.MX:
		return dnsplan.Value{Text: rr.Mx, Priority: int(rr.Preference)}
	}
	return dnsplan.Value{Text: strings.TrimPrefix(rr.String(), rr.Header().String())}
}

// unescape turns the library's \DDD and \X back into octets.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + (s[i+3] - '0'))
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// negativeTTL is how long the absence may be remembered, RFC 2308 section 5.
func negativeTTL(m *dns.Msg) int {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return int(min(soa.Minttl, soa.Hdr.Ttl))
		}
	}
	return 0
}
