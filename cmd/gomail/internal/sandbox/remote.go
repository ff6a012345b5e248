package sandbox

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"

	"gomail"
	"gomail/internal/resolver"
	"gomail/mailauth"
	"gomail/mailauth/dkim"
	"gomail/message"
	"gomail/mxsend"
	"gomail/queue"
	"gomail/smtpd"
)

// remote is a stranger's mail server. It takes mail for any address of its
// domain, writes down what it thinks of each message, and relays for whoever
// is on this machine, signing what it relays.
type remote struct {
	maildir  string
	listener net.Listener
	server   *smtpd.Server
	checker  *mailauth.Checker
	sender   *mxsend.Sender
	key      ed25519.PrivateKey
}

const remoteSelector = "r1"

func newRemote(maildir string, cert tls.Certificate, r *resolver.Resolver, dial func(context.Context, string, string) (net.Conn, error), log *slog.Logger) (*remote, error) {
	if err := os.MkdirAll(maildir+".tmp", 0o700); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(maildir, 0o700); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	log = log.With(slog.String("server", RemoteHost))
	m := &remote{
		maildir: maildir, listener: l, key: key,
		checker: mailauth.New(mailauth.Config{Resolver: r, Hostname: RemoteHost}),
		sender:  mxsend.New(mxsend.Config{Hostname: RemoteHost, Resolver: r, Dial: dial, AllowPrivateNetworks: true, Logger: log}),
	}
	m.server = smtpd.New(smtpd.Config{
		Hostname: RemoteHost, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Logger: log, MaxConnectionsPerAddress: 1000,
	}, m)
	return m, nil
}

func (m *remote) address() string { return m.listener.Addr().String() }

// records are what the remote domain publishes.
func (m *remote) records() []dns.RR {
	rrs := mustParse(
		RemoteDomain+". 60 MX 10 "+RemoteHost+".",
		RemoteDomain+`. 60 TXT "v=spf1 ip4:127.0.0.0/8 -all"`,
		RemoteHost+". 60 A "+remoteIP,
		RemoteHost+`. 60 TXT "v=spf1 ip4:127.0.0.0/8 -all"`,
		"_dmarc."+RemoteDomain+`. 60 TXT "v=DMARC1; p=none"`,
		"2.0.0.127.in-addr.arpa. 60 PTR "+RemoteHost+".",
	)
	return append(rrs, &dns.TXT{
		Hdr: dns.RR_Header{Name: remoteSelector + "._domainkey." + RemoteDomain + ".", Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
		Txt: []string{dkim.Record("ed25519", m.key.Public().(ed25519.PublicKey))},
	})
}

func (m *remote) run(ctx context.Context) error {
	defer m.sender.Close()
	return m.server.Serve(ctx, m.listener)
}

// NewSession begins a connection.
func (m *remote) NewSession(ctx context.Context, c *gomail.Client) (smtpd.Session, error) {
	return &remoteSession{remote: m, client: c, connection: m.checker.Connect(ctx, c.Addr.Addr())}, nil
}

type remoteSession struct {
	remote     *remote
	client     *gomail.Client
	connection *mailauth.Connection
	envelope   gomail.Envelope
}

// Authenticate refuses: nobody signs in here.
func (s *remoteSession) Authenticate(context.Context, string, string, string) error {
	return gomail.Errorf(gomail.Forbidden, "sign-in is not offered here")
}

// Mail begins a message.
func (s *remoteSession) Mail(_ context.Context, from gomail.Address, o smtpd.MailOptions) error {
	s.envelope = gomail.Envelope{From: from, SMTPUTF8: o.UTF8, EightBit: o.EightBit, Return: o.Return, EnvelopeID: o.EnvelopeID}
	return nil
}

// Rcpt accepts every recipient but two: reject@ and later@ let one try what
// a refusal does.
func (s *remoteSession) Rcpt(_ context.Context, r gomail.Recipient) error {
	if r.Address.Domain == RemoteDomain {
		switch r.Address.Local {
		case "reject":
			return gomail.Errorf(gomail.NotFound, "this mailbox does not exist, as its name says")
		case "later":
			return gomail.Errorf(gomail.Unavailable, "this mailbox is never ready, as its name says")
		}
	} else if !s.client.Addr.Addr().IsLoopback() {
		return gomail.Errorf(gomail.RelayDenied, "relaying is for this machine only")
	}
	s.envelope.Recipients = append(s.envelope.Recipients, r)
	return nil
}

// Data stores the message for the domain's own recipients and relays it to
// the others.
func (s *remoteSession) Data(ctx context.Context, r io.Reader) (string, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	name := time.Now().UTC().Format("20060102T150405.000000Z") + "-" + randomName()
	var own, others []gomail.Recipient
	for _, rcpt := range s.envelope.Recipients {
		if rcpt.Address.Domain == RemoteDomain {
			own = append(own, rcpt)
		} else {
			others = append(others, rcpt)
		}
	}
	if len(own) > 0 {
		if err := s.store(ctx, name, own, text); err != nil {
			return "", err
		}
	}
	return "taken as " + name, s.remote.relay(ctx, s.envelope, others, text)
}

// store writes the message, with what authentication found, as one file. It
// appears under its name when it is complete.
func (s *remoteSession) store(ctx context.Context, name string, to []gomail.Recipient, text []byte) error {
	head, body := split(text)
	header, err := message.ParseHeader(head)
	if err != nil {
		return gomail.Errorf(gomail.Refused, "%w", err)
	}
	check := s.connection.Begin(s.client.Helo, s.envelope.From)
	check.Header(header)
	check.Write(body)
	result := check.Finish(ctx)

	var out bytes.Buffer
	fmt.Fprintf(&out, "Return-Path: <%s>\r\n", s.envelope.From)
	for _, r := range to {
		fmt.Fprintf(&out, "Delivered-To: %s\r\n", r.Address)
	}
	out.Write(result.AuthenticationResults(RemoteHost))
	out.WriteString(message.FoldField("Received", fmt.Sprintf("from %s ([%s]) by %s with %s id %s; %s", s.client.Helo, s.client.Addr.Addr(), RemoteHost, s.client.Protocol(), name, message.FormatDate(time.Now()))))
	out.Write(text)
	unfinished := filepath.Join(s.remote.maildir+".tmp", name)
	if err := os.WriteFile(unfinished, out.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, filepath.Join(s.remote.maildir, name+".eml"))
}

// relay signs a message as the remote domain and passes it on at once. The
// client learns the outcome.
func (m *remote) relay(ctx context.Context, e gomail.Envelope, to []gomail.Recipient, text []byte) error {
	signed, err := m.sign(text)
	if err != nil {
		return err
	}
	for _, r := range to {
		task := queue.Task{Message: queue.Message{Envelope: e, Rcpts: []queue.Recipient{{Recipient: r}}}, Site: r.Address.Domain}
		for _, result := range m.sender.Deliver(ctx, task, content{bytes.NewReader(signed)}) {
			switch result.Outcome {
			case queue.Temporary:
				return gomail.Errorf(gomail.Unavailable, "%s: %s", r.Address, result.Text)
			case queue.Permanent:
				return gomail.Errorf(gomail.Refused, "%s: %s", r.Address, result.Text)
			}
		}
	}
	return nil
}

// sign puts a DKIM signature before the message.
func (m *remote) sign(text []byte) ([]byte, error) {
	head, body := split(text)
	header, err := message.ParseHeader(head)
	if err != nil {
		return nil, gomail.Errorf(gomail.Refused, "%w", err)
	}
	hash := dkim.NewBodyHash(dkim.Relaxed)
	hash.Write(body)
	field, err := dkim.Sign(dkim.SignOptions{Domain: RemoteDomain, Selector: remoteSelector, Signer: m.key, Time: time.Now()}, header, hash.Sum())
	return append(field, text...), err
}

// split returns a message's header and body, the empty line in neither.
func split(text []byte) (header, body []byte) {
	i := bytes.Index(text, []byte("\r\n\r\n"))
	if i < 0 {
		return text, nil
	}
	return text[:i+2], text[i+4:]
}

// content is a message in memory as a Deliverer takes it.
type content struct{ *bytes.Reader }

// Close does nothing: memory needs no closing.
func (content) Close() error { return nil }

// Reset ends the transaction.
func (s *remoteSession) Reset() { s.envelope = gomail.Envelope{} }

// Close ends the session.
func (s *remoteSession) Close() { s.connection.Close() }

func randomName() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
