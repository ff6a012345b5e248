package dnspub

import (
	"context"
	"log/slog"
	"time"

	"github.com/libdns/libdns"

	"gomail/dnsplan"
)

// challengeTTL is that of records which stand for minutes.
const challengeTTL = time.Minute

// AddText sets a TXT record for a while, beside others at its name, where the
// domain has a connection to its DNS provider. It is not noted in the journal:
// RemoveText takes it away.
func (p *Publisher) AddText(ctx context.Context, domain, name, value string) error {
	return p.text(ctx, domain, name, value, func(t target, records []libdns.Record) error {
		_, err := t.provider.AppendRecords(ctx, t.zone+".", records)
		return err
	})
}

// RemoveText takes a TXT record away that AddText has set.
func (p *Publisher) RemoveText(ctx context.Context, domain, name, value string) error {
	return p.text(ctx, domain, name, value, func(t target, records []libdns.Record) error {
		_, err := t.provider.DeleteRecords(ctx, t.zone+".", records)
		return err
	})
}

// text does something with one record in the zone that a domain is published
// in, while nobody else writes there.
func (p *Publisher) text(ctx context.Context, domain, name, value string, do func(target, []libdns.Record) error) error {
	t, err := p.target(ctx, domain, "")
	if err != nil {
		return err
	}
	unlock, err := p.lock(ctx, t)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := t.look(ctx, []dnsplan.Record{{Name: name, Type: "TXT"}}); err != nil { // it finds the provider's zone
		return err
	}
	record := libdns.TXT{Name: relative(name, t.zone), TTL: challengeTTL, Text: value}
	if err := do(t, []libdns.Record{record}); err != nil {
		return foreign(err)
	}
	p.config.Logger.Info("dns challenge", slog.String("domain", domain), slog.String("name", name), slog.String("zone", t.zone))
	return nil
}
