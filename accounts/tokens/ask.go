package tokens

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"gomail"
)

// Limits on what the issuer says.
const (
	mostOctets = 512 << 10
	askFor     = 10 * time.Second
)

func newClient() *http.Client {
	return &http.Client{Timeout: askFor, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// CheckURL refuses an address at which an issuer cannot be asked: it is HTTPS,
// or HTTP on this machine.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return gomail.Errorf(gomail.Invalid, "%q is not the URL of an issuer, such as https://id.example.com", text)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return gomail.Errorf(gomail.Invalid, "%q has to begin with https://, as who answers there says whose mail may be read", text)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func configurationURL(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// configuration is what an issuer says of itself, OpenID Connect Discovery 1.0
// section 3.
type configuration struct {
	Issuer  string `json:"issuer"`
	KeysURL string `json:"jwks_uri"`
}

func discover(ctx context.Context, c Config) (found configuration, err error) {
	if err := getJSON(ctx, c.Client, configurationURL(c.Issuer), &found); err != nil {
		return found, err
	}
	if found.Issuer != c.Issuer {
		return found, fmt.Errorf("it calls itself %.100q, and is configured as %q: they have to be the same, to the letter", found.Issuer, c.Issuer)
	}
	return found, CheckURL(found.KeysURL)
}

func getJSON(ctx context.Context, client *http.Client, address string, into any) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	return doJSON(client, q, into)
}

// doJSON asks and reads the answer.
func doJSON(client *http.Client, q *http.Request, into any) error {
	q.Header.Set("Accept", "application/json")
	r, err := client.Do(q)
	if err != nil {
		return withoutURL(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", q.URL.Host, r.Status)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, mostOctets+1))
	if err != nil {
		return err
	}
	if len(text) > mostOctets {
		return fmt.Errorf("%s answered with more than %d octets", q.URL.Host, mostOctets)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s answered with what is no JSON of this kind", q.URL.Host)
	}
	return nil
}

// withoutURL names what failed without the whole address.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
