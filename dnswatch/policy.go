package dnswatch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"gomail/dnsplan"
	"gomail/tlspolicy"
)

// Limits of fetching a policy, RFC 8461 section 3.3.
const (
	maxPolicy   = 64 << 10 // octets
	maxHeader   = 16 << 10
	policyTime  = 15 * time.Second
	httpsPort   = 443
	smtpPort    = 25
	httpPort    = 80
	connectTime = 10 * time.Second
)

// policy fetches a domain's MTA-STS policy over HTTPS as a sender would, and
// compares it with the one that is planned. An empty plan means that none is
// to be there.
func (p *Prober) policy(ctx context.Context, domain, planned string) dnsplan.Probe {
	host := "mta-sts." + domain
	probe := dnsplan.Probe{Kind: dnsplan.ProbePolicy, Subject: "https://" + host + "/.well-known/mta-sts.txt", State: dnsplan.OK}
	if planned == "" {
		probe.State, probe.Found = dnsplan.InapplicableNow, "The domain has no MTA-STS policy"
		return probe
	}
	ctx, cancel := context.WithTimeout(ctx, policyTime)
	defer cancel()
	text, err := p.fetchPolicy(ctx, host)
	if err != nil {
		return policyFailure(probe, host, err)
	}
	return comparePolicy(probe, text, planned)
}

// statusError is an answer that is no policy.
type statusError struct {
	status      int
	contentType string
}

func (e statusError) Error() string {
	if e.status != http.StatusOK {
		return "it answers with status " + http.StatusText(e.status)
	}
	return "it is served as " + e.contentType + " instead of text/plain"
}

func (p *Prober) fetchPolicy(ctx context.Context, host string) (string, error) {
	client := http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, _, err := p.connectHost(ctx, host, httpsPort)
				return conn, err
			},
			TLSClientConfig: &tls.Config{ServerName: host, RootCAs: p.config.Roots}, DisableKeepAlives: true,
			MaxResponseHeaderBytes: maxHeader,
		},
		// RFC 8461 section 3.3: redirects are not followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if answer.StatusCode != http.StatusOK || !strings.EqualFold(strings.TrimSpace(kind), "text/plain") {
		return "", statusError{answer.StatusCode, kind}
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxPolicy))
	return string(text), err
}

// policyFailure says in words why the policy could not be fetched.
func policyFailure(probe dnsplan.Probe, host string, err error) dnsplan.Probe {
	probe.State, probe.Found = dnsplan.Wrong, err.Error()
	var noHost *net.DNSError
	var status statusError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &noHost) && !noHost.IsNotFound:
		probe.State, probe.Code, probe.Found = dnsplan.Unknown, "sts_policy_unreachable", "The address of "+host+" could not be looked up"
		probe.Fix = "It is tried again; if it lasts, look at this server's resolver."
	case errors.As(err, &noHost):
		probe.State, probe.Code, probe.Found = dnsplan.Missing, "sts_policy_no_host", "The name "+host+" does not exist"
		probe.Fix = "Publish the record of " + host + " first: without the policy file, senders ignore the record that announces it."
	case errors.As(err, &certificate):
		probe.Code, probe.Found = "sts_policy_certificate", certificate.Err.Error()
		probe.Fix = "Senders do not accept the certificate of " + host + ": the web server there needs one for that name from a public authority."
	case errors.As(err, &status):
		probe.Code, probe.Found = "sts_policy_status", status.Error()
		probe.Fix = host + " is answered by another web server: lead it to this server."
	case isTimeout(err):
		probe.State, probe.Code = dnsplan.Unknown, "sts_policy_unreachable"
		probe.Fix = "Port 443 of " + host + " could not be reached from here: it is tried again; if it lasts, look at your firewall."
	default:
		probe.Code = "sts_policy_unreachable"
		probe.Fix = "Port 443 of " + host + " does not answer as a web server: lead the name to this server and open port 443."
	}
	return probe
}

// comparePolicy compares what is served with what is planned, by meaning.
func comparePolicy(probe dnsplan.Probe, text, planned string) dnsplan.Probe {
	want, _ := tlspolicy.ParsePolicy([]byte(planned)) // the plan's tests hold it to the form
	got, err := tlspolicy.ParsePolicy([]byte(text))
	probe.Found = "mode " + string(got.Mode)
	switch {
	case err != nil:
		probe.State, probe.Code, probe.Found = dnsplan.Wrong, "sts_policy_syntax", err.Error()
		probe.Fix = "Another web server answers there: lead the name to this server, which serves the policy."
	case !sameSet(got.MX, want.MX):
		probe.State, probe.Code, probe.Found = dnsplan.Wrong, "sts_policy_mx", "It names "+strings.Join(got.MX, ", ")
		probe.Fix = "It must name " + strings.Join(want.MX, ", ") + ", or senders refuse to deliver: lead the name to this server, which serves the right one."
	case got.Mode != want.Mode, got.MaxAge != want.MaxAge:
		probe.State, probe.Code = dnsplan.Wrong, "sts_policy_differs"
		probe.Fix = "An older policy is served than the one that is set: lead the name to this server, which serves the right one."
	}
	return probe
}

func sameSet(a, b []string) bool {
	in := map[string]bool{}
	for _, v := range a {
		in[strings.ToLower(v)] = true
	}
	for _, v := range b {
		if !in[strings.ToLower(v)] {
			return false
		}
	}
	return len(in) == len(b)
}

// connectHost connects to the first address of a host that answers.
func (p *Prober) connectHost(ctx context.Context, host string, port uint16) (net.Conn, netip.Addr, error) {
	addresses, failure := p.hostAddresses(ctx, host)
	for _, a := range addresses {
		conn, err := p.connect(ctx, a, port)
		if err == nil {
			return conn, a, nil
		}
		failure = err
	}
	return nil, netip.Addr{}, failure
}

// hostAddresses asks the resolvers for a host's addresses. Where there are none
// the error says whether the host has none, or the resolvers did not say.
func (p *Prober) hostAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	failure := &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	var found []netip.Addr
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		got := p.askResolvers(ctx, host, qtype)
		if !got.Status.Known() {
			failure = &net.DNSError{Err: "the resolvers do not say: " + string(got.Status), Name: host, IsTemporary: true}
		}
		for _, v := range got.Values {
			if a, err := netip.ParseAddr(v.Text); err == nil {
				found = append(found, a)
			}
		}
	}
	return found[:min(len(found), mostAddresses)], failure
}

// mostAddresses bounds how many addresses of a host are tried.
const mostAddresses = 16

// connect opens a TCP connection where that is allowed: names in the DNS must
// not lead this server into the network behind it.
func (p *Prober) connect(ctx context.Context, a netip.Addr, port uint16) (net.Conn, error) {
	if !p.config.Allow(a) {
		return nil, errPrivate
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return p.config.Dial(ctx, "tcp", netip.AddrPortFrom(a, port).String())
}

var errPrivate = errors.New("its address is not of the public Internet")
