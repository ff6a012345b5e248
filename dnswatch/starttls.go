package dnswatch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"gomail/dnsplan"
)

// smtpTime bounds a whole try of port 25.
const smtpTime = 20 * time.Second

// Failures of a try, told apart for the words that they are explained in.
var (
	errNoGreeting = errors.New("it does not greet as a mail server")
	errNoStartTLS = errors.New("it does not offer STARTTLS")
	errBusy       = errors.New("it is busy") // a reply of 4xx: RFC 5321 section 4.2.1
)

// startTLS connects to every address of a host that takes mail, as a sender
// would: port 25, STARTTLS, certificate; and compares the key with the TLSA
// records where those count.
func (p *Prober) startTLS(ctx context.Context, host string, tlsa []string) []dnsplan.Probe {
	addresses, err := p.hostAddresses(ctx, host)
	var lookup *net.DNSError
	switch {
	case len(addresses) > 0:
	case errors.As(err, &lookup) && lookup.IsTemporary:
		return []dnsplan.Probe{{
			Kind: dnsplan.ProbeStartTLS, Subject: host, State: dnsplan.Unknown, Code: "mx_unreachable", Found: "Its address could not be looked up",
			Fix: "It is tried again; if it lasts, look at this server's resolver.",
		}}
	default:
		return []dnsplan.Probe{{
			Kind: dnsplan.ProbeStartTLS, Subject: host, State: dnsplan.Missing, Code: "mx_no_address", Found: "It has no address",
			Fix: "Publish the address of " + host + ": without it no mail arrives.",
		}}
	}
	var probes []dnsplan.Probe
	for _, a := range addresses {
		probes = append(probes, p.startTLSAt(ctx, host, a, tlsa))
	}
	return probes
}

func (p *Prober) startTLSAt(ctx context.Context, host string, a netip.Addr, tlsa []string) dnsplan.Probe {
	probe := dnsplan.Probe{Kind: dnsplan.ProbeStartTLS, Subject: fmt.Sprintf("%s (%s)", host, a), State: dnsplan.OK}
	ctx, cancel := context.WithTimeout(ctx, smtpTime)
	defer cancel()
	conn, err := p.connect(ctx, a, smtpPort)
	if err != nil {
		return unreachable(probe, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // nobody waits any more
	defer stop()
	chain, err := handshake(conn, host)
	switch {
	case ctx.Err() != nil || isTimeout(err):
		probe.State, probe.Code, probe.Found = dnsplan.Unknown, "mx_slow", "It accepts connections and does not answer in time"
		probe.Fix = "It is tried again; if it lasts, see what keeps the server on port 25 from answering."
		return probe
	case errors.Is(err, errBusy):
		probe.State, probe.Code, probe.Found = dnsplan.Unknown, "mx_busy", "It says that it is busy"
		probe.Fix = "It is tried again; if it lasts, see whether the server on port 25 has reached a limit."
		return probe
	}
	if err != nil {
		return noTLS(probe, err)
	}
	return p.judgeCertificate(probe, host, chain, tlsa)
}

func unreachable(probe dnsplan.Probe, err error) dnsplan.Probe {
	probe.Found = err.Error()
	if isTimeout(err) {
		probe.State, probe.Code = dnsplan.Unknown, "mx_unreachable"
		probe.Fix = "Port 25 did not answer from here. Some networks cannot reach their own public address: try from elsewhere, and see that no firewall blocks port 25."
		return probe
	}
	probe.State, probe.Code = dnsplan.Wrong, "mx_refused"
	probe.Fix = "Nothing answers on port 25 there: start the server, and open port 25 in the firewall."
	return probe
}

func noTLS(probe dnsplan.Probe, err error) dnsplan.Probe {
	probe.State, probe.Found = dnsplan.Wrong, err.Error()
	switch {
	case errors.Is(err, errNoStartTLS):
		probe.Code = "starttls_missing"
		probe.Fix = "Something between the Internet and this server removes STARTTLS, or another server answers: look at the firewall's “SMTP inspection”."
	case errors.Is(err, errNoGreeting):
		probe.Code = "mx_not_smtp"
		probe.Fix = "Another program answers on port 25 there: see which one listens, and lead port 25 to this server."
	default:
		probe.Code = "starttls_fails"
		probe.Fix = "TLS could not be begun: see the server's log, and that certificate and key belong together."
	}
	return probe
}

// handshake speaks SMTP until TLS is up and returns the certificates. They
// are judged afterwards: a wrong one must not hide what it is.
func handshake(conn net.Conn, host string) ([]*x509.Certificate, error) {
	const maxLine = 64 << 10 // all greetings together
	in := bufio.NewReader(io.LimitReader(conn, maxLine))
	if _, err := reply(in, "220"); err != nil {
		return nil, otherwise(err, errNoGreeting)
	}
	fmt.Fprint(conn, "EHLO probe.invalid\r\n")
	offers, err := reply(in, "250")
	if err != nil {
		return nil, otherwise(err, errNoGreeting)
	}
	if !strings.Contains(strings.ToUpper(offers), "STARTTLS") {
		return nil, errNoStartTLS
	}
	fmt.Fprint(conn, "STARTTLS\r\n")
	if _, err := reply(in, "220"); err != nil {
		return nil, otherwise(err, errNoStartTLS)
	}
	secure := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	fmt.Fprint(secure, "QUIT\r\n")
	return secure.ConnectionState().PeerCertificates, nil
}

// otherwise is what an error means that is not the time's.
func otherwise(err, meaning error) error {
	if isTimeout(err) || errors.Is(err, errBusy) {
		return err
	}
	return meaning
}

// reply reads the lines of one SMTP reply and wants its code.
func reply(in *bufio.Reader, code string) (string, error) {
	var all strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		all.WriteString(line)
		if len(line) >= 4 && line[0] == '4' && isDigit(line[1]) && isDigit(line[2]) {
			return "", errBusy
		}
		if len(line) < 4 || line[:3] != code {
			return "", fmt.Errorf("it answers %q", strings.TrimSpace(line))
		}
		if line[3] != '-' {
			return all.String(), nil
		}
	}
}

// judgeCertificate looks at name, authority and dates, and the TLSA records.
func (p *Prober) judgeCertificate(probe dnsplan.Probe, host string, chain []*x509.Certificate, tlsa []string) dnsplan.Probe {
	leaf := chain[0]
	probe.Found = "Certificate by " + issuer(leaf) + ", until " + leaf.NotAfter.UTC().Format("2 January 2006")
	if len(tlsa) > 0 && !matchesTLSA(leaf, tlsa) {
		probe.State, probe.Code = dnsplan.Wrong, "tlsa_not_served"
		probe.Fix = "The certificate's key is in none of the TLSA records, so servers that use DANE do not deliver: publish the records as planned."
		return probe
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	now := p.config.Clock()
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: p.config.Roots, Intermediates: between, CurrentTime: now})
	var name x509.HostnameError
	switch {
	case err == nil:
		return probe
	case len(tlsa) > 0:
		probe.State, probe.Code = dnsplan.OKDiffers, "certificate_by_dane"
		probe.Fix = "No public authority vouches for the certificate; senders that use DANE accept it all the same."
	case errors.As(err, &name):
		probe.State, probe.Code = dnsplan.Wrong, "certificate_name"
		probe.Fix = "The certificate is not for " + host + ": senders that insist on TLS do not deliver. Get one for that name."
	case now.After(leaf.NotAfter):
		probe.State, probe.Code = dnsplan.Wrong, "certificate_expired"
		probe.Fix = "The certificate has expired: renew it."
	default:
		probe.State, probe.Code = dnsplan.Wrong, "certificate_untrusted"
		probe.Fix = "No public authority vouches for the certificate: senders that insist on TLS do not deliver. Set tls.mode so that it gets one."
	}
	return probe
}

func issuer(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

// matchesTLSA reports whether one of the "3 1 1" records is the key's.
func matchesTLSA(leaf *x509.Certificate, tlsa []string) bool {
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	want := "3 1 1 " + hex.EncodeToString(sum[:])
	for _, t := range tlsa {
		if strings.EqualFold(strings.Join(strings.Fields(t), " "), want) {
			return true
		}
	}
	return false
}
