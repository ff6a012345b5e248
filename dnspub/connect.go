package dnspub

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/libdns/libdns"

	"gomail"
	"gomail/dnsplan"
)

// Connections returns the connections in the order of their names.
func (p *Publisher) Connections(ctx context.Context) ([]dnsplan.Connection, error) {
	all, err := p.config.Store.Connections(ctx)
	if all == nil {
		all = []dnsplan.Connection{}
	}
	return all, err
}

// Connect keeps a connection once its credentials have been tested. Invalid:
// a credential is missing or of the wrong form; Forbidden: the provider does
// not take them; Exists: the name is taken.
func (p *Publisher) Connect(ctx context.Context, n dnsplan.NewConnection) (dnsplan.Connection, error) {
	if n.Name == "" {
		n.Name = n.Provider
	}
	if err := validName(n.Name); err != nil {
		return dnsplan.Connection{}, err
	}
	if _, _, err := p.config.Store.Connection(ctx, n.Name); err == nil {
		return dnsplan.Connection{}, gomail.Errorf(gomail.Exists, "there is a connection called %s already: remove it first, or give this one another name", n.Name)
	}
	c := dnsplan.Connection{Name: n.Name, Provider: n.Provider, Created: p.now()}
	provider, err := p.open(n.Provider, n.Credentials)
	if err != nil {
		return c, err
	}
	tested, err := test(ctx, provider)
	if err != nil {
		return c, err
	}
	if tested {
		c.Tested = c.Created
	}
	secret, err := json.Marshal(n.Credentials)
	if err != nil {
		return c, err
	}
	if err := p.config.Store.AddConnection(ctx, c, p.config.Sealer.Seal(secret, place(n.Name))); err != nil {
		return c, err
	}
	p.config.Logger.Info("dns provider connected", slog.String("connection", c.Name), slog.String("provider", c.Provider))
	return c, nil
}

// validName: the name stands in addresses and commands.
func validName(name string) error {
	for _, c := range name {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') || len(name) > 63 {
			return gomail.Errorf(gomail.Invalid, "the connection name %q is not valid: use at most 63 small letters, digits, dots and dashes", name)
		}
	}
	return nil
}

// test asks the provider for something that only the right credentials are
// given. It returns false where there is nothing to ask for.
func test(ctx context.Context, provider Provider) (bool, error) {
	switch v := provider.(type) {
	case *client:
		return true, v.test(ctx)
	case libdns.ZoneLister:
		_, err := v.ListZones(ctx)
		return true, foreign(err)
	}
	return false, nil
}

// Test tries a connection's credentials.
func (p *Publisher) Test(ctx context.Context, name string) error {
	_, provider, err := p.connection(ctx, name)
	if err != nil {
		return err
	}
	if tested, err := test(ctx, provider); err != nil || !tested {
		return err
	}
	return p.config.Store.SetConnectionTested(ctx, name, p.now())
}

// Disconnect forgets a connection and its credentials. What was published by
// it stays.
func (p *Publisher) Disconnect(ctx context.Context, name string) error {
	err := p.config.Store.RemoveConnection(ctx, name)
	if err == nil {
		p.config.Logger.Info("dns provider disconnected", slog.String("connection", name))
	}
	return err
}

// connection returns a connection with a client that uses its credentials.
func (p *Publisher) connection(ctx context.Context, name string) (dnsplan.Connection, Provider, error) {
	c, sealed, err := p.config.Store.Connection(ctx, name)
	if err != nil {
		return c, nil, err
	}
	secret, err := p.config.Sealer.Open(sealed, place(name))
	if err != nil {
		return c, nil, err
	}
	credentials := map[string]string{}
	if err := json.Unmarshal(secret, &credentials); err != nil {
		return c, nil, gomail.Errorf(gomail.Corrupt, "the credentials of the connection %s are damaged: make it anew", name)
	}
	provider, err := p.open(c.Provider, credentials)
	return c, provider, err
}

// foreign gives a kind to errors of providers that know none: they are
// temporary unless they say otherwise.
func foreign(err error) error {
	if err == nil || gomail.KindOf(err) != gomail.Internal {
		return err
	}
	return gomail.Errorf(gomail.Unavailable, "the DNS provider could not do it: %w", err)
}
