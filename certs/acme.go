package certs

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"gomail"
	"gomail/internal/resolver"
)

// ACME says how certificates are ordered.
type ACME struct {
	Directory string         // the authority's URL; empty: Let's Encrypt
	Email     string         // contact; empty: the mail host's postmaster
	Roots     *x509.CertPool // whom to trust when the authority is asked; nil: the system's
	Issuer    string         // the authority's name in CAA records, where its directory gives none
	Vault     *Vault

	// Names returns what has to have certificates beside the mail host. nil:
	// nothing.
	Names func(ctx context.Context) ([]Name, error)

	Resolver  *resolver.Resolver
	Addresses []netip.Addr // this server's; none: those of the mail host's name

	DNS   DNS                                        // answers DNS-01; nil: nobody does
	Alert func(ctx context.Context, o Order) error   // tells that an order fails; nil: nobody is told
	Used  func(ctx context.Context, hostname string) // told when a certificate is in use; nil: nobody is

	// Published says whether the TLSA record of a key (its SHA-256, in
	// hexadecimal) is seen at every name server of the mail host. The mail
	// host's renewals take a new key once it has been for long enough. nil:
	// they keep the key.
	Published func(ctx context.Context, hash string) (bool, error)
}

// Name is a name that has to have a certificate.
type Name struct {
	Name   string // "mta-sts.example.com"
	Domain string // the hosted domain that it is of
}

// LetsEncrypt is the directory that is asked when none is configured.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

// orderTime bounds one try for one name.
const orderTime = 10 * time.Minute

func (a ACME) directory() string {
	if a.Directory == "" {
		return LetsEncrypt
	}
	return a.Directory
}

// template is what every issuer begins with.
func (o *orders) template() certmagic.ACMEIssuer {
	email := o.acme.Email
	if email == "" { // certmagic would ask for one on the terminal
		email = "postmaster@" + o.config.Hostname
	}
	return certmagic.ACMEIssuer{
		CA: o.acme.directory(), Email: email, Agreed: true, TrustedRoots: o.acme.Roots, CertObtainTimeout: 3 * time.Minute,
		DisableHTTPChallenge: true, DisableTLSALPNChallenge: true, Logger: o.zap,
	}
}

// issuerKey is under what the vault keeps an authority's certificates.
func issuerKey(directory string) string {
	return (&certmagic.ACMEIssuer{CA: directory}).IssuerKey()
}

// magic returns certmagic's configuration for one way of proving a name. next
// is the key that the certificate is to have; nil: the one that there is.
func (o *orders) magic(cache *certmagic.Cache, m method, next crypto.Signer) *certmagic.Config {
	c := certmagic.New(cache, certmagic.Config{
		Storage: o.acme.Vault, ReusePrivateKeys: true, KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		OCSP: certmagic.OCSPConfig{DisableStapling: true}, Logger: o.zap,
		// No order says which certificate it replaces (RFC 9773 section 5): an
		// authority that does not know that one, as after a change of
		// authorities, would refuse every renewal.
		DisableARI: true,
	})
	if next != nil {
		c.ReusePrivateKeys, c.KeySource = false, keySource{next}
	}
	t := o.template()
	o.mu.Lock()
	web, secure := o.http, o.https
	o.mu.Unlock()
	switch m {
	case byHTTP:
		t.DisableHTTPChallenge = false
		t.ListenHost, t.AltHTTPPort = hostPort(web)
	case byTLS:
		t.DisableTLSALPNChallenge = false
		t.ListenHost, t.AltTLSALPNPort = hostPort(secure)
	case byDNS:
		t.DNS01Solver = solver{o.acme.DNS}
	}
	c.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(c, t)}
	return c
}

// hostPort is where certmagic finds that somebody listens, so that it does not.
func hostPort(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = ""
	}
	port, _ = strconv.Atoi(text)
	return host, port
}

// Listens says where the server answers HTTP and HTTPS, as "host:port"; empty:
// nowhere. An authority asks at ports 80 and 443, which have to lead there.
func (m *Manager) Listens(web, secure string) {
	if m.orders != nil {
		m.orders.mu.Lock()
		m.orders.http, m.orders.https = web, secure
		m.orders.mu.Unlock()
	}
}

// HTTP answers an authority's HTTP-01 challenges (RFC 8555 section 8.3), and
// leaves every other request to next.
func (m *Manager) HTTP(next http.Handler) http.Handler {
	if m.orders == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := m.orders.answering.Load(); c == nil || !c.http.HandleHTTPChallenge(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// answering is what answers an authority that asks while an order is placed.
type answering struct {
	config *certmagic.Config
	http   *certmagic.ACMEIssuer
}

// answerTLS returns the certificate that proves a name to an authority.
func (o *orders) answerTLS(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c := o.answering.Load()
	if c == nil {
		return nil, gomail.Errorf(gomail.NotFound, "no certificate is being ordered")
	}
	return c.config.GetCertificate(hello)
}

// order places an order, once, and waits for what comes of it. The certificate
// is in the vault then.
func (o *orders) order(ctx context.Context, cache *certmagic.Cache, name string, m method, next crypto.Signer) error {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	if _, err := o.key(ctx, name); err != nil {
		return err
	}
	c := o.magic(cache, m, next)
	if _, err := o.load(ctx, name); err == nil {
		return c.RenewCertSync(ctx, name, true)
	}
	return c.ObtainCertSync(ctx, name)
}

// key returns the private key of a name. Where there is none it is made, or
// taken from what another authority has signed: TLSA records name it.
func (o *orders) key(ctx context.Context, name string) (crypto.Signer, error) {
	v := o.acme.Vault
	at := certmagic.StorageKeys.SitePrivateKey(o.issuer, name)
	text, err := v.Load(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = v.anyKey(ctx, name); err == nil {
			err = v.Store(ctx, at, text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the private key of %s: %w", name, err)
	}
	key, err := certmagic.PEMDecodePrivateKey(text)
	if err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "the private key of %s is damaged: restore a backup: %w", name, err)
	}
	return key, nil
}

// anyKey returns the key that a name has with any authority, or makes one.
func (v *Vault) anyKey(ctx context.Context, name string) ([]byte, error) {
	names, err := v.store.CertNames(ctx, "certificates")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if path.Base(n) == certmagic.StorageKeys.Safe(name)+".key" {
			return v.Load(ctx, n)
		}
	}
	key, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	if err != nil {
		return nil, err
	}
	return certmagic.PEMEncodePrivateKey(key)
}

// held is a certificate with what the vault knows of it.
type held struct {
	*tls.Certificate
	authority string // its directory
	account   string // the account's URI there
}

// load reads a name's certificate from the vault. fs.ErrNotExist: there is
// none.
func (o *orders) load(ctx context.Context, name string) (held, error) {
	return o.acme.Vault.certificate(ctx, o.issuer, name)
}

func (v *Vault) certificate(ctx context.Context, issuer, name string) (held, error) {
	keys := certmagic.StorageKeys
	chain, err := v.Load(ctx, keys.SiteCert(issuer, name))
	if err != nil {
		return held{}, err
	}
	private, err := v.Load(ctx, keys.SitePrivateKey(issuer, name))
	if err != nil {
		return held{}, err
	}
	pair, err := tls.X509KeyPair(chain, private)
	if err != nil {
		return held{}, gomail.Errorf(gomail.Corrupt, "the certificate of %s is damaged: it is ordered again: %w", name, err)
	}
	h := held{Certificate: &pair}
	meta, err := v.Load(ctx, keys.SiteMeta(issuer, name))
	if err != nil {
		return h, err
	}
	var about struct {
		IssuerData struct {
			CA      string `json:"ca"`
			Account string `json:"account"`
		} `json:"issuer_data"`
	}
	if err := json.Unmarshal(meta, &about); err != nil {
		return h, gomail.Errorf(gomail.Corrupt, "what is known of the certificate of %s is damaged: it is ordered again: %w", name, err)
	}
	h.authority, h.account = about.IssuerData.CA, about.IssuerData.Account
	return h, nil
}

// Host is what the DNS plan needs to know of the mail host's certificate.
type Host struct {
	PublicKey []byte // SubjectPublicKeyInfo: what TLSA 3 1 1 hashes
	Account   string // the URI of our account, for CAA; empty: there is none yet
	NotAfter  time.Time
}

// Host reads what is kept of the mail host's certificate. NotFound: no server
// has run yet.
func (v *Vault) Host(ctx context.Context, hostname, directory string) (Host, error) {
	issuer := issuerKey(ACME{Directory: directory}.directory())
	text, err := v.Load(ctx, certmagic.StorageKeys.SitePrivateKey(issuer, hostname))
	if errors.Is(err, fs.ErrNotExist) {
		return Host{}, gomail.Errorf(gomail.NotFound, "the key of %s is made at the first start", hostname)
	}
	if err != nil {
		return Host{}, err
	}
	key, err := certmagic.PEMDecodePrivateKey(text)
	if err != nil {
		return Host{}, gomail.Errorf(gomail.Corrupt, "the private key of %s is damaged: restore a backup: %w", hostname, err)
	}
	var h Host
	if h.PublicKey, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		return h, err
	}
	if c, err := v.certificate(ctx, issuer, hostname); err == nil {
		h.Account, h.NotAfter = c.account, c.Leaf.NotAfter
	}
	return h, nil
}

// open takes what the vault holds into use: nothing is asked of the network.
func (m *Manager) open() error {
	ctx := context.Background()
	o := newOrders(m)
	key, err := o.key(ctx, m.config.Hostname)
	if err != nil {
		return err
	}
	der, err := signSelf(m.config.Hostname, key, m.config.Clock())
	if err != nil {
		return fmt.Errorf("make a self-signed certificate: %w", err)
	}
	own, err := tls.X509KeyPair(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pemKey(key))
	if err != nil {
		return fmt.Errorf("use the self-signed certificate: %w", err)
	}
	m.current.Store(&loaded{certificate: &own})
	m.orders = o
	return o.recall(ctx)
}

func pemKey(key crypto.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil // not one of the kinds that are made here: the pair is refused
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// site is a certificate that the vault has.
type site struct{ issuer, name string }

// sites returns the certificates that the vault has, of any authority.
func (v *Vault) sites(ctx context.Context) ([]site, error) {
	all, err := v.store.CertNames(ctx, "certificates")
	var sites []site
	for _, key := range all {
		parts := strings.Split(key, "/") // certificates/issuer/name/name.crt
		if len(parts) == 4 && strings.HasSuffix(key, ".crt") {
			sites = append(sites, site{parts[1], parts[2]})
		}
	}
	return sites, err
}
