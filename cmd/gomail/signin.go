package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/netip"

	"github.com/xdg-go/scram"

	"gomail"
	"gomail/accounts"
	"gomail/imapd"
	"gomail/internal/seal"
	"gomail/pop3d"
	"gomail/smtpd"
	"gomail/store"
)

// saltSetting is a secret from which the salts of SCRAM are made. It stays when
// the secret key changes: the salts of names that do not exist must.
const saltSetting = "scram_salt_secret"

// keptSecret opens a secret that the store keeps under a name, or makes it.
func keptSecret(ctx context.Context, sealer *seal.Sealer, st *store.Store, name string) ([]byte, error) {
	text, err := st.Setting(ctx, name)
	if err != nil {
		return nil, err
	}
	if text == "" {
		secret := make([]byte, 32)
		rand.Read(secret)
		sealed := sealer.Seal(secret, "setting/"+name)
		return secret, st.SetSetting(ctx, name, base64.StdEncoding.EncodeToString(sealed))
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "the store's record of %s is damaged: restore a backup", name)
	}
	return sealer.Open(sealed, "setting/"+name)
}

// signInOffer is SCRAM, and tokens where they are taken, over the connections of a
// server.
type signInOffer struct {
	accounts    *accounts.Service
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Mechanisms names what can be offered on a connection.
func (o signInOffer) Mechanisms(state tls.ConnectionState) []string {
	var all []string
	if o.accounts.OffersSCRAM() {
		if len(o.bindings(state)) > 0 {
			all = append(all, "SCRAM-SHA-256-PLUS")
		}
		all = append(all, "SCRAM-SHA-256")
	}
	if o.accounts.OffersTokens() {
		all = append(all, accounts.OAuthBearer, accounts.XOAuth2)
	}
	return all
}

// bindings are what ties a sign-in to the connection: tls-exporter (RFC 9266)
// and tls-server-end-point (RFC 5929 section 4). Before TLS 1.3 the first
// needs the extended master secret.
func (o signInOffer) bindings(state tls.ConnectionState) (all []accounts.Binding) {
	if b, err := scram.NewTLSExporterBinding(&state); err == nil {
		all = append(all, b)
	}
	if leaf := o.leaf(state.ServerName); leaf != nil {
		if hash := endPoint(leaf); hash != nil {
			all = append(all, accounts.Binding{Type: scram.ChannelBindingTLSServerEndpoint, Data: hash})
		}
	}
	return all
}

// leaf is the certificate that a client which asked for the name was shown.
func (o signInOffer) leaf(name string) *x509.Certificate {
	if o.certificate == nil {
		return nil
	}
	c, err := o.certificate(&tls.ClientHelloInfo{ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}})
	if err != nil || c == nil || len(c.Certificate) == 0 {
		return nil
	}
	if c.Leaf != nil {
		return c.Leaf
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return nil
	}
	return leaf
}

// endPoint hashes a certificate with the hash of its signature, but SHA-256
// for weaker ones (RFC 5929 section 4.1); nil when it has none, as Ed25519.
func endPoint(leaf *x509.Certificate) []byte {
	switch leaf.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256:
		sum := sha256.Sum256(leaf.Raw)
		return sum[:]
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(leaf.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(leaf.Raw)
		return sum[:]
	}
	return nil
}

// exchange is a sign-in of the accounts service, under way.
type exchange interface {
	Step(ctx context.Context, response string) (challenge string, done bool, err error)
	Account() gomail.Account
}

func (o signInOffer) begin(mechanism string, state tls.ConnectionState, remote netip.Addr, protocol string) exchange {
	if mechanism == accounts.OAuthBearer || mechanism == accounts.XOAuth2 {
		return o.accounts.BeginBearer(mechanism, remote, protocol)
	}
	return o.accounts.Begin(mechanism == "SCRAM-SHA-256-PLUS", o.bindings(state), remote, protocol)
}

// Mechanisms names what can be offered on the connection.
func (s *submissionSession) Mechanisms(state tls.ConnectionState) []string {
	return s.backend.offer.Mechanisms(state)
}

// Exchange begins a sign-in by SCRAM or a token.
func (s *submissionSession) Exchange(mechanism string, state tls.ConnectionState) smtpd.Exchange {
	return submissionExchange{s.client, s.backend.offer.begin(mechanism, state, s.client.Addr.Addr(), "submission")}
}

type submissionExchange struct {
	client *gomail.Client
	exchange
}

// Step passes on; whoever is signed in at the end is the client.
func (e submissionExchange) Step(ctx context.Context, response string) (challenge string, done bool, err error) {
	challenge, done, err = e.exchange.Step(ctx, response)
	if done && err == nil {
		e.client.Account = e.Account().ID
	}
	return challenge, done, err
}

// Exchange begins a sign-in by SCRAM or a token.
func (a imapAuthenticator) Exchange(mechanism string, state tls.ConnectionState, remote netip.Addr, protocol string) imapd.Exchange {
	return imapExchange{a.begin(mechanism, state, remote, protocol)}
}

// pop3Authenticator signs in to POP3, as to IMAP.
type pop3Authenticator struct{ imapAuthenticator }

// Exchange begins a sign-in by SCRAM or a token.
func (a pop3Authenticator) Exchange(mechanism string, state tls.ConnectionState, remote netip.Addr, protocol string) pop3d.Exchange {
	return imapExchange{a.begin(mechanism, state, remote, protocol)}
}

type imapExchange struct{ exchange }

// Step passes on.
func (e imapExchange) Step(ctx context.Context, response string) (string, gomail.AccountID, error) {
	challenge, done, err := e.exchange.Step(ctx, response)
	if err != nil || !done {
		return challenge, 0, err
	}
	return "", e.Account().ID, nil
}
