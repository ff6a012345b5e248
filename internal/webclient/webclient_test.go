package webclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gomail"
)

// hosts is a resolver with fixed answers.
type hosts map[string]string

func (h hosts) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	a, ok := h[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []net.IPAddr{{IP: net.ParseIP(a)}}, nil
}

// world is a web server for example.com, and a client that finds it at an
// address.
func world(t *testing.T, address string, handle http.HandlerFunc, change func(*Config)) *Client {
	s := httptest.NewTLSServer(handle)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := Config{
		Resolver: hosts{"example.com": address, "other.test": address, "inside.test": "127.0.0.1"}, Roots: roots,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	if change != nil {
		change(&c)
	}
	return New(c)
}

func TestGet(t *testing.T) {
	c := world(t, "8.8.8.8", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/small", http.StatusFound)
		case "/large":
			io.WriteString(w, strings.Repeat("x", 2000))
		case "/small":
			io.WriteString(w, "small")
		default:
			http.NotFound(w, r)
		}
	}, nil)
	if got, err := c.Get(t.Context(), "https://example.com/small", 1000); string(got) != "small" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for address, kind := range map[string]gomail.Kind{
		"https://example.com/redirect": gomail.Unavailable, "https://example.com/none": gomail.Unavailable, "https://example.com/large": gomail.TooLarge,
		"http://example.com/small": gomail.Invalid, "https://user@example.com/small": gomail.Invalid, "file:///etc/passwd": gomail.Invalid, "https://inside.test/small": gomail.Refused,
	} {
		if _, err := c.Get(t.Context(), address, 1000); gomail.KindOf(err) != kind {
			t.Errorf("%s: %v", address, err)
		}
	}
	var wrong *tls.CertificateVerificationError
	if _, err := c.Get(t.Context(), "https://other.test/small", 1000); !errors.As(err, &wrong) {
		t.Errorf("a certificate of another name: %v", err)
	}
}

func TestPrivateAddresses(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1"} {
		c := world(t, address, func(http.ResponseWriter, *http.Request) { t.Errorf("%s was asked", address) }, nil)
		if _, err := c.Get(t.Context(), "https://example.com/", 10); gomail.KindOf(err) != gomail.Refused {
			t.Errorf("%s: %v", address, err)
		}
	}
	c := world(t, "127.0.0.1", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, func(c *Config) { c.AllowPrivateNetworks = true })
	if _, err := c.Get(t.Context(), "https://example.com/", 10); err != nil {
		t.Error(err)
	}
}

// A server that says nothing is waited for no longer than allowed.
func TestHangingServer(t *testing.T) {
	release := make(chan struct{})
	c := world(t, "8.8.8.8", func(http.ResponseWriter, *http.Request) { <-release }, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	defer close(release)
	if _, err := c.Get(t.Context(), "https://example.com/", 10); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestPost(t *testing.T) {
	got := make(chan string, 1)
	c := world(t, "8.8.8.8", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Content-Type") + " " + string(body)
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}, func(c *Config) { c.AnyCertificate = true })
	if err := c.Post(t.Context(), "https://other.test/ok", "application/tlsrpt+gzip", []byte("body")); err != nil || <-got != "application/tlsrpt+gzip body" {
		t.Error(err)
	}
	if err := c.Post(t.Context(), "https://other.test/bad", "text/plain", nil); gomail.KindOf(err) != gomail.Unavailable {
		t.Error(err)
	}
}
