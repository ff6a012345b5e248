package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/inbound"
	"gomail/mailauth/dkim"
	"gomail/mailauth/spf"
	"gomail/reports"
)

// reportReader shows the mail that comes to the report addresses of the
// hosted domains to the reports service. It implements inbound.Reader.
type reportReader struct {
	*services
	mu        sync.Mutex
	addresses map[gomail.Address]bool
	read      time.Time // when they were
}

// addressesLife is how long report addresses that were changed may be missed.
const addressesLife = 30 * time.Second

// Wants reports whether others report to an address.
func (r *reportReader) Wants(ctx context.Context, from, to gomail.Address) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.read) > addressesLife {
		addresses, err := r.reportAddresses(ctx)
		if err != nil {
			r.log.Error("the report addresses could not be read", slog.Any("error", err))
			return false
		}
		r.addresses, r.read = addresses, time.Now()
	}
	return r.addresses[to.Canonical()]
}

func (r *reportReader) reportAddresses(ctx context.Context) (map[gomail.Address]bool, error) {
	all, err := r.domains.List(ctx)
	if err != nil {
		return nil, err
	}
	addresses := map[gomail.Address]bool{}
	for _, d := range all {
		dmarc, tls := dnsplan.ReportAddresses(d)
		for _, a := range append(dmarc, tls...) {
			addresses[a] = true
		}
	}
	return addresses, nil
}

// Read shows a message to the service with what was found out about where it
// comes from.
func (r *reportReader) Read(ctx context.Context, a inbound.Arrived) bool {
	m := reports.Arrived{ID: a.ID, Index: a.Index, Content: a.Content}
	if len(a.Auth.From) == 1 {
		m.Author = a.Auth.From[0]
	}
	if a.Auth.SPF.Status == spf.Pass {
		m.Verified = append(m.Verified, a.Auth.SPF.Domain)
	}
	for _, sig := range a.Auth.DKIM {
		if sig.Status == dkim.Pass {
			m.Verified = append(m.Verified, sig.Domain)
		}
	}
	return r.policies.reports.Read(ctx, m)
}
