package dnspub

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/internal/seal"
)

// Store keeps connections and the journal. Each method is one transaction.
type Store interface {
	// AddConnection keeps a connection with its credentials, which are sealed.
	// Exists: its name is taken.
	AddConnection(ctx context.Context, c dnsplan.Connection, sealed []byte) error
	// Connections returns all connections in the order of their names.
	Connections(ctx context.Context) ([]dnsplan.Connection, error)
	// Connection returns a connection with its credentials. NotFound: there
	// is none.
	Connection(ctx context.Context, name string) (c dnsplan.Connection, sealed []byte, err error)
	// SetConnectionTested notes when a connection's credentials last did
	// their work. NotFound: there is no such connection.
	SetConnectionTested(ctx context.Context, name string, at time.Time) error
	// RemoveConnection removes a connection. NotFound: there is none.
	RemoveConnection(ctx context.Context, name string) error

	// AddPublication writes a publication into the journal and returns its
	// identity, which is higher than that of every one before. The oldest of
	// very many may make room.
	AddPublication(ctx context.Context, p dnsplan.Publication) (int64, error)
	// UpdatePublication writes what became of a publication: its results and
	// whether it was undone. NotFound: there is none with its identity.
	UpdatePublication(ctx context.Context, p dnsplan.Publication) error
	// Publications returns a domain's publications, the newest first.
	Publications(ctx context.Context, domain string) ([]dnsplan.Publication, error)
}

// place is where a connection's credentials stand, for the sealer.
func place(name string) string { return "dns_connection/" + name + "/credentials" }

// Config is what a publisher needs. Store, Sealer, Plan, Zone and Domain are
// required.
type Config struct {
	Store  Store
	Sealer *seal.Sealer

	// Plan returns the records that a domain needs.
	Plan func(ctx context.Context, domain string) ([]dnsplan.Record, error)
	// Zone returns the zone in which a domain lies, as the DNS has it.
	Zone func(ctx context.Context, domain string) (string, error)
	// Domain returns a hosted domain. NotFound: it is not hosted here.
	Domain func(ctx context.Context, name string) (gomail.Domain, error)

	Extra   []Extra             // providers that are compiled in from elsewhere
	Options Options             // for the providers' clients; its Clock and Wait are the publisher's too
	Logger  *slog.Logger        // nil: nothing is logged
	Changed func(domain string) // told after a zone was changed, so that it is looked at; nil: nobody
}

// Publisher writes the plans of domains at their DNS providers.
type Publisher struct {
	config Config

	mu    sync.Mutex
	zones map[string]chan struct{} // by connection and zone: held while it is written
}

// New returns a publisher.
func New(c Config) *Publisher {
	c.Options = c.Options.complete()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Changed == nil {
		c.Changed = func(string) {}
	}
	return &Publisher{config: c, zones: map[string]chan struct{}{}}
}

// Providers returns the DNS providers whose zones can be written.
func (p *Publisher) Providers() []dnsplan.ProviderInfo {
	all := Providers()
	for _, e := range p.config.Extra {
		all = append(all, e.Info)
	}
	return all
}

// open returns a client for a provider, of this package or compiled in.
func (p *Publisher) open(provider string, credentials map[string]string) (Provider, error) {
	i := slices.IndexFunc(p.config.Extra, func(e Extra) bool { return e.Info.Name == provider })
	if i < 0 {
		return Open(provider, credentials, p.config.Options)
	}
	e := p.config.Extra[i]
	given, err := checkCredentials(e.Info, credentials)
	if err != nil {
		return nil, err
	}
	return e.Open(given, p.config.Options)
}

// lock keeps other publications out of a zone until unlock is called.
func (p *Publisher) lock(ctx context.Context, t target) (unlock func(), err error) {
	name := t.connection.Name + "/" + t.zone
	p.mu.Lock()
	held := p.zones[name]
	if held == nil {
		held = make(chan struct{}, 1)
		p.zones[name] = held
	}
	p.mu.Unlock()
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, gomail.Errorf(gomail.Unavailable, "the zone %s is being published already: %w", t.zone, ctx.Err())
	}
}

func (p *Publisher) now() time.Time { return p.config.Options.Clock().UTC().Truncate(time.Microsecond) }
