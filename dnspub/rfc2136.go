package dnspub

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"gomail"
	"gomail/dnsplan"
)

// rfc2136 writes by DNS update (RFC 2136) and reads by zone transfer (RFC
// 5936), both over TCP and signed with TSIG (RFC 8945). Where transfer is
// refused it asks the server for the sets in question.
type rfc2136 struct {
	takesAll
	options   Options
	server    string // with its port
	key       string // the key's name, with its trailing dot
	algorithm string
	secret    string // in base64
}

// tsigFudge is how far the clocks may differ, in seconds; RFC 8945 section 10.
const tsigFudge = 300

// exchangeTime is how long a message and its answer may take, or the next
// message of a transfer.
const exchangeTime = 20 * time.Second

// maxTransfer is how many records of a zone are read.
const maxTransfer = 500_000

func rfc2136Provider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "rfc2136", Title: "DNS update (RFC 2136)",
		Fields: []dnsplan.ProviderField{
			field("server", "Primary server", "With its port if it is not 53: ns1.example.net or 192.0.2.53:53."),
			field("key_name", "Key name", "As the server's configuration has it."),
			optional(field("algorithm", "Algorithm", "hmac-sha256 unless the key says otherwise; hmac-sha224, -384 and -512 too.")),
			secret("key", "Key", "The secret in base64, as tsig-keygen prints it."),
		},
		Scope: "Make a TSIG key for this server alone (tsig-keygen) and let it update this one zone; in BIND: update-policy { grant KEY zonesub ANY; }; and allow-transfer { key KEY; };.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		c := &rfc2136{options: o, server: credentials["server"], key: dns.CanonicalName(credentials["key_name"]), secret: credentials["key"]}
		if _, _, err := net.SplitHostPort(c.server); err != nil {
			c.server = net.JoinHostPort(strings.Trim(c.server, "[]"), "53")
		}
		if _, err := base64.StdEncoding.DecodeString(c.secret); err != nil {
			return nil, gomail.Errorf(gomail.Invalid, "the TSIG key is not valid base64: copy what stands in quotes behind secret")
		}
		c.algorithm = strings.TrimSuffix(strings.ToLower(credentials["algorithm"]), ".") + "."
		switch c.algorithm {
		case ".":
			c.algorithm = dns.HmacSHA256
		case dns.HmacSHA224, dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512:
		default:
			return nil, gomail.Errorf(gomail.Invalid, "the TSIG algorithm %q is not known: use hmac-sha256", credentials["algorithm"])
		}
		return c, nil
	}}
}

func (c *rfc2136) atomic() bool { return true }

// zones: a name server does not list its zones.
func (c *rfc2136) zones(context.Context) ([]string, error) {
	return nil, gomail.Errorf(gomail.Invalid, "a name server does not say which zones it has")
}

// test asks something that any server answers, and whose signature tells
// whether the key is the server's.
func (c *rfc2136) test(ctx context.Context) error {
	m := new(dns.Msg)
	m.SetQuestion(".", dns.TypeSOA)
	m.RecursionDesired = false
	_, err := c.exchange(ctx, m, "the root")
	return err
}

// exchange sends a signed message and returns the answer, whatever it says;
// an error tells that none came that can be trusted.
func (c *rfc2136) exchange(ctx context.Context, m *dns.Msg, subject string) (*dns.Msg, error) {
	conn, done, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	m.SetTsig(c.key, c.algorithm, tsigFudge, c.options.Clock().Unix())
	client := dns.Client{Net: "tcp", TsigSecret: map[string]string{c.key: c.secret}}
	conn.SetDeadline(time.Now().Add(exchangeTime))
	answer, _, err := client.ExchangeWithConnContext(ctx, m, conn)
	if refused := c.badKey(answer, subject); refused != nil {
		return nil, refused
	}
	if errors.Is(err, dns.ErrAuth) { // NOTAUTH, of which the library checks no signature
		return answer, nil
	}
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if answer.IsTsig() == nil {
		return nil, gomail.Errorf(gomail.Forbidden, "The name server %s does not sign its answers: it does not know the key %s. %s", c.server, strings.TrimSuffix(c.key, "."), rfc2136Provider().info.Scope)
	}
	return answer, nil
}

// dial connects. done closes the connection, as does the end of the context.
func (c *rfc2136) dial(ctx context.Context) (conn *dns.Conn, done func(), err error) {
	raw, err := c.options.Dial(ctx, "tcp", c.server)
	if err != nil {
		return nil, nil, c.unreachable(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	return &dns.Conn{Conn: raw, TsigSecret: map[string]string{c.key: c.secret}}, func() { stop(); raw.Close() }, nil
}

func (c *rfc2136) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if errors.Is(err, dns.ErrSig) || errors.Is(err, dns.ErrTime) {
		return gomail.Errorf(gomail.Forbidden, "The answer of the name server %s is not signed with the key %s as it should be: compare name, algorithm and secret, and the clocks: %w", c.server, c.key, err)
	}
	return gomail.Errorf(gomail.Unavailable, "The name server %s cannot be reached: %w", c.server, err)
}

// badKey reads what TSIG says of the request; RFC 8945 section 5.2.
func (c *rfc2136) badKey(m *dns.Msg, subject string) error {
	if m == nil {
		return nil
	}
	t := m.IsTsig()
	if t == nil || t.Error == dns.RcodeSuccess {
		return nil
	}
	switch t.Error {
	case dns.RcodeBadTime:
		return gomail.Errorf(gomail.Forbidden, "The clocks of this server and of %s differ by more than %d seconds: set them", c.server, tsigFudge)
	case dns.RcodeBadKey:
		return gomail.Errorf(gomail.Forbidden, "The name server %s does not know the key %s with %s: compare both with its configuration. %s", c.server, c.key, c.algorithm, rfc2136Provider().info.Scope)
	}
	return gomail.Errorf(gomail.Forbidden, "The name server %s refuses the key %s for %s: its secret is another than the server's", c.server, c.key, subject)
}

// refusal turns an answer's code into an error.
func (c *rfc2136) refusal(rcode int, zone, does string) error {
	switch rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeRefused:
		return gomail.Errorf(gomail.Forbidden, "The name server %s does not let the key %s %s the zone %s. %s", c.server, c.key, does, zone, rfc2136Provider().info.Scope)
	case dns.RcodeNotAuth, dns.RcodeNotZone:
		return gomail.Errorf(gomail.NotFound, "The name server %s does not have the zone %s", c.server, zone)
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset:
		return gomail.Errorf(gomail.Invalid, "The name server %s refuses to %s the zone %s (%s)", c.server, does, zone, dns.RcodeToString[rcode])
	}
	return gomail.Errorf(gomail.Unavailable, "The name server %s could not %s the zone %s now (%s)", c.server, does, zone, dns.RcodeToString[rcode])
}

func (c *rfc2136) read(ctx context.Context, zone string, want []key) ([]rrset, error) {
	sets, err := c.transfer(ctx, zone)
	if err == nil || want == nil || gomail.KindOf(err) != gomail.Forbidden {
		return sets, err
	}
	sets = nil
	for _, k := range want {
		if sets, err = c.ask(ctx, zone, k, sets); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// transfer reads the whole zone.
func (c *rfc2136) transfer(ctx context.Context, zone string) ([]rrset, error) {
	conn, done, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	m := new(dns.Msg)
	m.SetAxfr(dns.Fqdn(zone))
	m.SetTsig(c.key, c.algorithm, tsigFudge, c.options.Clock().Unix())
	t := dns.Transfer{Conn: conn, TsigSecret: map[string]string{c.key: c.secret}, ReadTimeout: exchangeTime, WriteTimeout: exchangeTime}
	parts, err := t.In(m, c.server)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	sets := newGathering()
	for part := range parts { // read to its end even after an error, which ends it
		switch {
		case err != nil:
		case part.Error != nil:
			err = c.transferError(ctx, zone, part.Error)
		default:
			err = sets.add(part.RR, zone)
		}
		if err != nil {
			conn.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	return sets.sets, nil
}

// transferError: the library tells a refused transfer by its text only.
func (c *rfc2136) transferError(ctx context.Context, zone string, err error) error {
	var rcode int
	if n, _ := fmt.Sscanf(strings.TrimPrefix(err.Error(), "dns: "), "bad xfr rcode: %d", &rcode); n == 1 {
		return c.refusal(rcode, zone, "transfer")
	}
	if errors.Is(err, dns.ErrAuth) { // for want of the zone, or of the key
		m := new(dns.Msg)
		m.SetQuestion(dns.Fqdn(zone), dns.TypeSOA)
		if _, err := c.exchange(ctx, m, "the zone "+zone); err != nil {
			return err
		}
		return c.refusal(dns.RcodeNotAuth, zone, "transfer")
	}
	return c.unreachable(ctx, err)
}

// ask reads one set.
func (c *rfc2136) ask(ctx context.Context, zone string, k key, sets []rrset) ([]rrset, error) {
	own, err := c.records(ctx, zone, k)
	if err != nil {
		return nil, err
	}
	g := newGathering()
	for _, s := range sets {
		g.index[s.key] = len(g.sets)
		g.sets = append(g.sets, s)
	}
	err = g.add(own, zone)
	return g.sets, err
}

// records returns the records of one set as the server has them, and not what
// an alias leads to. None when the type is not known here.
func (c *rfc2136) records(ctx context.Context, zone string, k key) ([]dns.RR, error) {
	kind, ok := dns.StringToType[k.kind]
	if !ok {
		return nil, nil
	}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(k.name), kind)
	m.RecursionDesired = false
	answer, err := c.exchange(ctx, m, "the zone "+zone)
	if err != nil || answer.Rcode == dns.RcodeNameError {
		return nil, err
	}
	if err := c.refusal(answer.Rcode, zone, "read"); err != nil {
		return nil, err
	}
	var own []dns.RR
	for _, rr := range answer.Answer {
		if h := rr.Header(); canonicalName(h.Name) == k.name && h.Rrtype == kind {
			own = append(own, rr)
		}
	}
	return own, nil
}

// write sends one update, which the server does as a whole or not at all (RFC
// 2136 section 3.7). Only the records that change are touched: those of others
// keep what only the server knows of them, such as where a text is divided
// into strings.
func (c *rfc2136) write(ctx context.Context, zone string, sets []rrset) error {
	m := new(dns.Msg)
	m.SetUpdate(dns.Fqdn(zone))
	var added []dns.RR
	for _, s := range sets {
		kind, ok := dns.StringToType[s.kind]
		if !ok {
			return gomail.Errorf(gomail.Invalid, "records of the type %s cannot be written", s.kind)
		}
		now, err := c.records(ctx, zone, s.key)
		switch {
		case gomail.KindOf(err) == gomail.Forbidden: // it may be written and not be read
			m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: dns.Fqdn(s.name), Rrtype: kind}}})
		case err != nil:
			return err
		}
		gone, fresh, err := difference(now, s)
		if err != nil {
			return err
		}
		m.Remove(gone)
		added = append(added, fresh...)
	}
	m.Insert(added) // after all that goes: an alias can stand where it was free
	if len(m.Ns) == 0 {
		return nil
	}
	answer, err := c.exchange(ctx, m, "the zone "+zone)
	if err != nil {
		return err
	}
	return c.refusal(answer.Rcode, zone, "update")
}

// difference returns the records that have to go and those to be added for a
// set to hold what it should. Kept ones are added anew where their TTL
// changes.
func difference(now []dns.RR, s rrset) (gone, fresh []dns.RR, err error) {
	kept := make([]bool, len(s.values))
	for _, rr := range now {
		i := slices.IndexFunc(s.values, func(v string) bool { return sameValue(s.kind, v, dataOf(rr, s.kind)) })
		switch {
		case i < 0 || kept[i]:
			gone = append(gone, dns.Copy(rr))
			continue
		case int(rr.Header().Ttl) != s.ttl:
			again := dns.Copy(rr)
			again.Header().Ttl = uint32(s.ttl)
			fresh = append(fresh, again)
		}
		kept[i] = true
	}
	for i, v := range s.values {
		if kept[i] {
			continue
		}
		rr, err := rrOf(s, v)
		if err != nil {
			return nil, nil, err
		}
		fresh = append(fresh, rr)
	}
	return gone, fresh, nil
}
