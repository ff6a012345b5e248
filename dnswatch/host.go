package dnswatch

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail/dnsplan"
)

// How long what was tried for the host holds for all domains: what went well,
// and what did not and may have been mended since.
const (
	hostLife    = 10 * time.Minute
	troubleLife = time.Minute
)

// hostProbes are what all domains share: tried once for all of them.
type hostProbes struct {
	mu    sync.Mutex
	tried map[string]*try
}

// try is one set of probes, under way or done.
type try struct {
	done      chan struct{}
	at        time.Time
	probes    []dnsplan.Probe
	brokenOff bool // whoever tried no longer waits: it tells nothing
}

// share returns what another domain's look has found a moment ago, waits for
// one that is under way, or does it.
func (h *hostProbes) share(ctx context.Context, what string, now time.Time, do func(context.Context) []dnsplan.Probe) []dnsplan.Probe {
	for {
		h.mu.Lock()
		t := h.tried[what]
		if t == nil || now.Sub(t.at).Abs() >= t.life() {
			t = &try{done: make(chan struct{}), at: now}
			h.tried[what] = t
			h.mu.Unlock()
			t.probes = do(ctx)
			if t.brokenOff = ctx.Err() != nil; t.brokenOff {
				h.forget(what, t)
			}
			close(t.done)
			return t.probes
		}
		h.mu.Unlock()
		select {
		case <-t.done:
			if !t.brokenOff {
				return slices.Clone(t.probes)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (h *hostProbes) forget(what string, t *try) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tried[what] == t {
		delete(h.tried, what)
	}
}

// life is how long the outcome holds. While it is under way, it is waited for.
func (t *try) life() time.Duration {
	if t.troubled() {
		return troubleLife
	}
	return hostLife
}

// troubled reports whether it is done and something was not as it should be.
func (t *try) troubled() bool {
	select {
	case <-t.done:
		return slices.ContainsFunc(t.probes, func(p dnsplan.Probe) bool {
			return p.State == dnsplan.Wrong || p.State == dnsplan.Missing || p.State == dnsplan.Unknown
		})
	default:
		return false
	}
}

// forgetTroubles has what did not go well tried again by the next look.
func (h *hostProbes) forgetTroubles() {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.tried, func(_ string, t *try) bool { return t.troubled() })
}

// Target is what probes of a domain are about.
type Target struct {
	Domain  string
	Records []dnsplan.Record
	Policy  string // the MTA-STS policy as it is served; empty: none
	Retry   bool   // somebody waits who may just have mended something: what failed a moment ago is tried again
}

// Inspect reads the domain's records and tries everything else that its page
// tells. An error is the context's alone.
func (p *Prober) Inspect(ctx context.Context, t Target) (dnsplan.Seen, []dnsplan.Probe, error) {
	if t.Retry {
		p.host.forgetTroubles()
	}
	l := p.begin()
	var seen dnsplan.Seen
	var failure error
	parts := []func() []dnsplan.Probe{
		func() []dnsplan.Probe { return l.delegation(ctx, t.Domain) },
		func() []dnsplan.Probe { return p.hosts(ctx, t.Records) },
		func() []dnsplan.Probe { return p.policies(ctx, t) },
		func() []dnsplan.Probe { return p.shared(ctx, "outwards", p.outwards) },
		func() []dnsplan.Probe { return p.shared(ctx, "port 80", p.authorityReaches) },
		func() []dnsplan.Probe { return p.shared(ctx, "block lists", p.blockLists) },
	}
	found := make([][]dnsplan.Probe, len(parts))
	var wg sync.WaitGroup
	wg.Go(func() { seen, failure = l.see(ctx, t.Domain, t.Records, nil) })
	for i, part := range parts {
		wg.Go(func() { found[i] = part() })
	}
	wg.Wait()
	if failure == nil {
		failure = ctx.Err()
	}
	return seen, slices.Concat(found...), failure
}

func (p *Prober) shared(ctx context.Context, what string, do func(context.Context) []dnsplan.Probe) []dnsplan.Probe {
	return p.host.share(ctx, what, p.config.Clock(), do)
}

func (p *Prober) policies(ctx context.Context, t Target) []dnsplan.Probe {
	if parked(t.Records) {
		return nil
	}
	return []dnsplan.Probe{p.policy(ctx, t.Domain, t.Policy)}
}

// hosts tries port 25 of every host that the plan's MX records name.
func (p *Prober) hosts(ctx context.Context, records []dnsplan.Record) []dnsplan.Probe {
	var all []dnsplan.Probe
	for _, r := range records {
		if r.Purpose != dnsplan.Receive || r.Value == "." {
			continue
		}
		host := strings.TrimSuffix(r.Value, ".")
		tlsa := planned(records, host)
		all = append(all, p.shared(ctx, "starttls "+host+strings.Join(tlsa, ","), func(ctx context.Context) []dnsplan.Probe {
			return p.startTLS(ctx, host, tlsa)
		})...)
	}
	return all
}

// planned returns the TLSA values of a host that count.
func planned(records []dnsplan.Record, host string) []string {
	var all []string
	for _, r := range records {
		if r.Purpose == dnsplan.TLSA && r.Requirement == dnsplan.Recommended && strings.HasSuffix(r.Name, "."+host) {
			all = append(all, r.Value)
		}
	}
	return all
}

func parked(records []dnsplan.Record) bool {
	return slices.ContainsFunc(records, func(r dnsplan.Record) bool { return r.Purpose == dnsplan.Receive && r.Value == "." })
}

func noSuchHost(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e)
}

func closeQuietly(c net.Conn) {
	if c != nil {
		c.Close()
	}
}
