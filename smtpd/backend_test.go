package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"gomail"
)

// recorder is a backend that tells what it was asked. The local part of an
// address chooses what goes wrong.
type recorder struct {
	mu       sync.Mutex
	events   []string
	greeting error
	scram    bool                              // sessions know SCRAM
	onData   func(r io.Reader) (string, error) // nil: read and record
}

func (b *recorder) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, fmt.Sprintf(format, args...))
}

// take returns the events since the last call.
func (b *recorder) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = nil
	return events
}

func (b *recorder) NewSession(_ context.Context, c *gomail.Client) (Session, error) {
	if b.greeting != nil {
		return nil, b.greeting
	}
	if b.scram {
		return &exchanging{recording{b: b, client: c}}, nil
	}
	return &recording{b: b, client: c}, nil
}

// exchanging is a recording that knows SCRAM, for one client.
type exchanging struct{ recording }

func (s *exchanging) Mechanisms(state tls.ConnectionState) []string {
	if state.Version < tls.VersionTLS13 {
		return nil
	}
	return []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}
}

func (s *exchanging) Exchange(mechanism string, _ tls.ConnectionState) Exchange {
	s.b.note("auth %s", mechanism)
	return &canned{client: s.client}
}

// vector is SCRAM as in RFC 7677 section 3: what the client says at each step,
// and the server's challenge.
var vector = []struct{ response, challenge string }{
	{"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
	{"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	{"", ""},
}

// canned is the example of the RFC.
type canned struct {
	client *gomail.Client
	step   int
}

func (x *canned) Step(_ context.Context, response string) (string, bool, error) {
	if response != vector[x.step].response {
		return "", false, gomail.Errorf(gomail.Unauthenticated, "wrong name or password")
	}
	if x.step++; x.step < len(vector) {
		return vector[x.step-1].challenge, false, nil
	}
	x.client.Account = 7
	return "", true, nil
}

type recording struct {
	b      *recorder
	client *gomail.Client
	open   bool
	from   gomail.Address
	rcpts  []string
}

func (s *recording) Authenticate(_ context.Context, username, password, mechanism string) error {
	s.b.note("auth %s %q %q", mechanism, username, password)
	switch {
	case username == "later":
		return gomail.Errorf(gomail.Unavailable, "the accounts cannot be reached")
	case username == "anna@example.com" && password == "secret":
		s.client.Account = 7
		return nil
	}
	return gomail.Errorf(gomail.Unauthenticated, "wrong name or password")
}

func (s *recording) Mail(_ context.Context, from gomail.Address, opts MailOptions) error {
	if err := failure(from.Local); err != nil {
		return err
	}
	s.open = true
	s.from = from
	s.b.note("mail <%s> %s helo=%s esmtp=%t tls=%t account=%d", from, describe(opts), s.client.Helo, s.client.ESMTP, s.client.TLS != nil, s.client.Account)
	return nil
}

func describe(o MailOptions) string {
	text := fmt.Sprintf("size=%d utf8=%t 8bit=%t ret=%s envid=%q", o.Size, o.UTF8, o.EightBit, o.Return, o.EnvelopeID)
	if !o.Release.IsZero() {
		text += " release=" + o.Release.Format(time.RFC3339)
	}
	if o.RequireTLS {
		text += " requiretls"
	}
	if by := o.DeliverBy; !by.Deadline.IsZero() {
		text += " by=" + by.Deadline.Format(time.RFC3339) + ";" + by.Mode()
	}
	return text
}

func (s *recording) Rcpt(_ context.Context, r gomail.Recipient) error {
	if err := failure(r.Address.Local); err != nil {
		return err
	}
	if s.client.Account == 0 && r.Address.Domain != "example.com" && r.Address.Domain != "mx.example.com" {
		return gomail.Errorf(gomail.RelayDenied, "mail for %s is not taken here", r.Address.Domain)
	}
	s.rcpts = append(s.rcpts, r.Address.Local)
	s.b.note("rcpt <%s> notify=%d orcpt=%s", r.Address, r.Notify, r.Original)
	return nil
}

func (s *recording) Data(_ context.Context, r io.Reader) (string, error) {
	if s.b.onData != nil {
		return s.b.onData(r)
	}
	if s.from.Local == "early" {
		return "", gomail.Errorf(gomail.Refused, "not wanted, and not read")
	}
	data, err := io.ReadAll(r)
	if err != nil {
		s.b.note("data failed: %v", err)
		return "", err
	}
	if strings.HasPrefix(string(data), "fail ") {
		name, _, _ := strings.Cut(string(data[5:]), "\r\n")
		return "", failure(name)
	}
	s.b.note("data %q", data)
	return "queued as 1", s.each()
}

// each fails the recipients "end-<kind>".
func (s *recording) each() error {
	var each Partial
	failed := false
	for _, local := range s.rcpts {
		name, _ := strings.CutPrefix(local, "end-")
		each = append(each, failure(name))
		failed = failed || each[len(each)-1] != nil
	}
	if !failed {
		return nil
	}
	return each
}

func (s *recording) Reset() {
	s.rcpts = nil
	if s.open {
		s.b.note("reset")
	}
	s.open = false
}

func (s *recording) Close() {}

// failure makes an error of the kind that name names.
func failure(name string) error {
	kinds := map[string]gomail.Kind{
		"unknown": gomail.NotFound, "off": gomail.Disabled, "full": gomail.OverQuota, "relay": gomail.RelayDenied,
		"spam": gomail.Refused, "many": gomail.TooMany, "disk": gomail.NoSpace, "later": gomail.Unavailable,
		"slow": gomail.Throttled, "forbidden": gomail.Forbidden, "loop": gomail.Loop, "large": gomail.TooLarge,
		"closed": gomail.Closed, "corrupt": gomail.Corrupt, "invalid": gomail.Invalid, "exists": gomail.Exists,
		"nobody": gomail.Unauthenticated,
	}
	switch k, ok := kinds[name]; {
	case name == "internal":
		return errors.New("open /var/lib/gomail/secret: no such file")
	case name == "leak":
		return gomail.Errorf(gomail.Unavailable, "the store failed: %w", errors.New("10.0.0.7 refused"))
	case name == "panic":
		panic("the backend is broken")
	case ok:
		return gomail.Errorf(k, "the %s case", name)
	}
	return nil
}
