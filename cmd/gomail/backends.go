package main

import (
	"context"
	"io"
	"net/netip"

	"gomail"
	"gomail/accounts"
	"gomail/inbound"
	"gomail/milter"
	"gomail/outbound"
	"gomail/smtpd"
)

// mxBackend answers other servers: what they bring goes to inbound.
type mxBackend struct {
	inbound *inbound.Service
	milters *milter.Chain
}

// NewSession begins a connection.
func (b mxBackend) NewSession(ctx context.Context, c *gomail.Client) (smtpd.Session, error) {
	return &mxSession{inbound: b.inbound, client: c, connection: b.inbound.Connect(ctx, c), filtering: filtering{chain: b.milters}}, nil
}

type mxSession struct {
	inbound     *inbound.Service
	client      *gomail.Client
	connection  *inbound.Connection
	transaction *inbound.Transaction
	filtering   filtering
}

// Authenticate refuses: port 25 is for servers.
func (s *mxSession) Authenticate(context.Context, string, string, string) error {
	return gomail.Errorf(gomail.Forbidden, "sign-in is not offered here: use port 587 or 465")
}

// Mail begins a message.
func (s *mxSession) Mail(ctx context.Context, from gomail.Address, o smtpd.MailOptions) (err error) {
	if s.transaction, err = s.connection.Begin(ctx, from, o.Size); err != nil {
		return err
	}
	s.transaction.SetEnvelope(envelope(from, o))
	if err := s.filtering.mail(ctx, s.client, s.transaction.ID(), from); err != nil {
		s.Reset()
		return err
	}
	if s.filtering.message != nil {
		s.transaction.SetFilter(s.filtering.message)
	}
	return nil
}

// Rcpt accepts a recipient or says why not.
func (s *mxSession) Rcpt(ctx context.Context, r gomail.Recipient) error {
	if err := s.transaction.AddRecipient(ctx, r); err != nil {
		return err
	}
	err := s.filtering.rcpt(ctx, r.Address)
	if err != nil {
		s.transaction.Withdraw()
	}
	return err
}

// Data takes the message.
func (s *mxSession) Data(ctx context.Context, r io.Reader) (string, error) {
	receipt, err := s.inbound.Receive(ctx, s.transaction, r)
	return "received as " + receipt.ID, err
}

// Reset ends the transaction.
func (s *mxSession) Reset() {
	if s.transaction != nil {
		s.transaction.Close()
		s.transaction = nil
	}
	s.filtering.close()
}

// Close ends the session.
func (s *mxSession) Close() {
	s.Reset()
	s.connection.Close()
}

// submissionBackend answers our people's programs: what they bring goes to
// outbound.
type submissionBackend struct {
	accounts *accounts.Service
	outbound *outbound.Service
	limiter  *outbound.Limiter
	seen     func(ctx context.Context, account gomail.AccountID, from netip.Addr) // told where accounts send from
	milters  *milter.Chain
	offer    signInOffer
}

// NewSession begins a connection.
func (b submissionBackend) NewSession(_ context.Context, c *gomail.Client) (smtpd.Session, error) {
	s := &submissionSession{backend: b, client: c}
	s.filtering = filtering{chain: b.milters, account: func(ctx context.Context) (string, error) {
		account, err := b.accounts.Get(ctx, c.Account)
		return account.Address.String(), err
	}}
	return s, nil
}

type submissionSession struct {
	backend   submissionBackend
	client    *gomail.Client
	envelope  gomail.Envelope
	allowance outbound.Allowance
	filtering filtering
}

// Authenticate signs in.
func (s *submissionSession) Authenticate(ctx context.Context, username, password, _ string) error {
	account, err := s.backend.accounts.Authenticate(ctx, accounts.Attempt{
		Username: username, Password: password, Remote: s.client.Addr.Addr(), Protocol: "submission",
	})
	s.client.Account = account.ID
	if err != nil {
		s.client.Account = 0
	}
	return err
}

// Mail begins a message from an address that the account may use.
func (s *submissionSession) Mail(ctx context.Context, from gomail.Address, o smtpd.MailOptions) error {
	if err := s.backend.outbound.CheckSender(ctx, s.client.Account, from, o.Size); err != nil {
		return err
	}
	s.backend.seen(ctx, s.client.Account, s.client.Addr.Addr())
	allowance, err := s.backend.limiter.Allow(ctx, s.client.Account)
	if err != nil {
		return err
	}
	if err := s.filtering.mail(ctx, s.client, "", from); err != nil {
		return err
	}
	s.allowance = allowance
	s.envelope = envelope(from, o)
	return nil
}

// envelope is what MAIL says of a message.
func envelope(from gomail.Address, o smtpd.MailOptions) gomail.Envelope {
	e := gomail.Envelope{From: from, SMTPUTF8: o.UTF8, EightBit: o.EightBit, Return: o.Return, EnvelopeID: o.EnvelopeID, Release: o.Release, DeliverBy: o.DeliverBy}
	if o.RequireTLS {
		e.TLS = gomail.TLSRequired
	}
	return e
}

// Rcpt adds a recipient.
func (s *submissionSession) Rcpt(ctx context.Context, r gomail.Recipient) error {
	if err := s.backend.outbound.CheckRecipient(ctx, s.client.Account, r.Address); err != nil {
		return err
	}
	if err := s.allowance.Recipients(ctx, len(s.envelope.Recipients)+1); err != nil {
		return err
	}
	if err := s.filtering.rcpt(ctx, r.Address); err != nil {
		return err
	}
	s.envelope.Recipients = append(s.envelope.Recipients, r)
	return nil
}

// Data takes the message.
func (s *submissionSession) Data(ctx context.Context, r io.Reader) (string, error) {
	s.envelope.Client = *s.client
	var filter outbound.Filter
	if s.filtering.message != nil {
		filter = s.filtering.message
	}
	id, err := s.backend.outbound.SubmitFiltered(ctx, s.envelope, r, filter)
	return "queued as " + id, err
}

// Reset ends the transaction.
func (s *submissionSession) Reset() {
	s.envelope = gomail.Envelope{}
	s.filtering.close()
}

// Close ends the session.
func (s *submissionSession) Close() { s.Reset() }

// imapAuthenticator signs in to IMAP.
type imapAuthenticator struct{ signInOffer }

// Authenticate returns the account of a name and password.
func (a imapAuthenticator) Authenticate(ctx context.Context, username, password string, remote netip.Addr, protocol string) (gomail.AccountID, error) {
	account, err := a.accounts.Authenticate(ctx, accounts.Attempt{Username: username, Password: password, Remote: remote, Protocol: protocol})
	if err != nil {
		return 0, err
	}
	return account.ID, nil
}
