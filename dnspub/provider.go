package dnspub

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/libdns/libdns"

	"gomail"
	"gomail/dnsplan"
)

// Provider reads and writes zones at a DNS provider. Names are relative to the
// zone, as libdns has them.
type Provider interface {
	libdns.RecordGetter
	libdns.RecordAppender
	libdns.RecordSetter
	libdns.RecordDeleter
}

// Constructor makes a provider from its credentials, by the names of its
// ProviderInfo's fields.
type Constructor func(credentials map[string]string, o Options) (Provider, error)

// Extra is a provider that is compiled in from elsewhere.
type Extra struct {
	Info dnsplan.ProviderInfo
	Open Constructor
}

// Options are what a provider's client needs of its surroundings. The zero
// value is ready for the world.
type Options struct {
	HTTP    http.RoundTripper                                                    // nil: one that dials with Dial
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: a net.Dialer
	BaseURL string                                                               // in the place of the provider's own
	Clock   func() time.Time                                                     // nil: time.Now
	Wait    func(ctx context.Context, d time.Duration) error                     // between tries; nil: a timer
	Page    int                                                                  // how many records to ask for at once; 0: as many as the provider likes
}

func (o Options) complete() Options {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if o.HTTP == nil {
		o.HTTP = &http.Transport{DialContext: o.Dial, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	return o
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// builtin is a provider of this package.
type builtin struct {
	info dnsplan.ProviderInfo
	open func(credentials map[string]string, o Options) (backend, error)
}

// builtins are the providers of this package in the order in which they are
// offered.
func builtins() []builtin {
	return []builtin{
		cloudflareProvider(), route53Provider(), godaddyProvider(), namecheapProvider(),
		hetznerProvider(), hetznerDNSProvider(), desecProvider(), powerdnsProvider(), rfc2136Provider(),
	}
}

// Providers returns the providers of this package.
func Providers() []dnsplan.ProviderInfo {
	var all []dnsplan.ProviderInfo
	for _, b := range builtins() {
		all = append(all, b.info)
	}
	return all
}

// Open returns a client for one of this package's providers. NotFound: there
// is no such provider; Invalid: a credential is missing or of the wrong form.
// Nothing is asked of the provider yet.
func Open(provider string, credentials map[string]string, o Options) (Provider, error) {
	for _, b := range builtins() {
		if b.info.Name != provider {
			continue
		}
		given, err := checkCredentials(b.info, credentials)
		if err != nil {
			return nil, err
		}
		back, err := b.open(given, o.complete())
		if err != nil {
			return nil, err
		}
		return newClient(back), nil
	}
	var names []string
	for _, b := range builtins() {
		names = append(names, b.info.Name)
	}
	return nil, gomail.Errorf(gomail.NotFound, "there is no DNS provider %q: choose one of %s", provider, strings.Join(names, ", "))
}

// checkCredentials returns the credentials without surrounding white space,
// which pasting leaves behind, once every field that is needed is there and
// none is unknown.
func checkCredentials(info dnsplan.ProviderInfo, given map[string]string) (map[string]string, error) {
	checked := map[string]string{}
	for _, f := range info.Fields {
		value := strings.TrimSpace(given[f.Name])
		if value == "" && !f.Optional {
			return nil, gomail.Errorf(gomail.Invalid, "%s needs the %s (%s)", info.Title, f.Label, f.Name)
		}
		if strings.ContainsAny(value, "\r\n") {
			return nil, gomail.Errorf(gomail.Invalid, "the %s (%s) has a line break in it: enter it in one line", f.Label, f.Name)
		}
		checked[f.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := checked[name]; !known {
			return nil, gomail.Errorf(gomail.Invalid, "%s has no credential called %q", info.Title, name)
		}
	}
	return checked, nil
}

// secretsOf returns the values that must never be shown.
func secretsOf(info dnsplan.ProviderInfo, credentials map[string]string) []string {
	var secrets []string
	for _, f := range info.Fields {
		if v := credentials[f.Name]; f.Secret && v != "" {
			secrets = append(secrets, v)
		}
	}
	return secrets
}
