// Package webclient asks web servers whose names strangers choose: those of
// MTA-STS policies (RFC 8461 section 3.3) and of TLS reports (RFC 8460 section
// 5.4). It speaks HTTPS with public addresses only, follows no redirects, uses
// no proxy, and reads and waits no longer than it is told.
package webclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"gomail"
	"gomail/internal/netaddr"
)

// Resolver finds the addresses of a host; *net.Resolver is one.
type Resolver interface {
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Config says whom a Client may ask, and how.
type Config struct {
	Resolver Resolver                                                             // required
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: plain TCP
	Roots    *x509.CertPool                                                       // nil: the system's
	Clock    func() time.Time                                                     // for certificates; nil: time.Now

	// AllowPrivateNetworks permits loopback and private addresses.
	AllowPrivateNetworks bool

	// AnyCertificate takes whatever certificate a server has: for what is no
	// secret, and is about certificates that are wrong.
	AnyCertificate bool

	Timeout time.Duration // of one question in all, 0: 30 seconds
}

// Client asks web servers. It is safe for concurrent use.
type Client struct {
	config Config
	http   http.Client
}

// Limits of what is asked.
const (
	defaultTimeout = 30 * time.Second
	connectTimeout = 10 * time.Second
	mostAddresses  = 4
	maxHeader      = 32 << 10
)

// New returns a Client.
func New(c Config) *Client {
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	client := &Client{config: c}
	client.http = http.Client{
		Transport: &http.Transport{
			DialContext: client.dial, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader, TLSHandshakeTimeout: c.Timeout,
			TLSClientConfig: &tls.Config{RootCAs: c.Roots, Time: c.Clock, InsecureSkipVerify: c.AnyCertificate},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client
}

// dial connects to the first of a host's addresses that answers and may be
// asked: it is checked here, after the name was looked up, so that a name that
// changes its mind gains nothing.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := c.config.Resolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	failure := error(gomail.Errorf(gomail.Refused, "the host %s has no address of the public Internet", host))
	slices.SortStableFunc(found, func(a, b net.IPAddr) int { return len(a.IP.To4()) - len(b.IP.To4()) })
	for _, a := range found[:min(len(found), mostAddresses)] {
		addr, ok := netip.AddrFromSlice(a.IP)
		if !ok || !c.config.AllowPrivateNetworks && !netaddr.IsPublic(addr) {
			continue
		}
		conn, err := c.connect(ctx, network, net.JoinHostPort(addr.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failure = err
	}
	return nil, failure
}

func (c *Client) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return c.config.Dial(ctx, network, address)
}

// Get returns what stands at a URL, which has to be HTTPS and answered with
// status 200, up to a number of octets; TooLarge: there is more.
func (c *Client) Get(ctx context.Context, address string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	answer, err := c.do(ctx, http.MethodGet, address, nil, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, gomail.Errorf(gomail.Unavailable, "%s answers with status %d", address, answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err == nil && int64(len(body)) > most {
		err = gomail.Errorf(gomail.TooLarge, "%s answers with more than %d octets", address, most)
	}
	return body, err
}

// Post sends octets to a URL. Any status of success is one.
func (c *Client) Post(ctx context.Context, address, contentType string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	answer, err := c.do(ctx, http.MethodPost, address, http.Header{"Content-Type": {contentType}}, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return gomail.Errorf(gomail.Unavailable, "%s answers with status %d", address, answer.StatusCode)
	}
	return nil
}

func (c *Client) do(ctx context.Context, verb, address string, header http.Header, body []byte) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, gomail.Errorf(gomail.Invalid, "%.200q is no HTTPS address", address)
	}
	r, err := http.NewRequestWithContext(ctx, verb, address, bytes.NewReader(body))
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "%.200q is no HTTPS address: %w", address, err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "GoMail")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", u.Host, err)
	}
	return answer, nil
}
