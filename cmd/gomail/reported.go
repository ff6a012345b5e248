package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
	"gomail/reports"
	"gomail/web/api"
)

// reported tells what others reported. It implements api.Reports.
type reported struct {
	*services
	names addressNames
}

// Reports sums up what was reported since a moment.
func (r *reported) Reports(ctx context.Context, domain string, since time.Time) (api.DomainReports, error) {
	sum, err := r.summary(ctx, domain, since)
	if err != nil {
		return api.DomainReports{}, err
	}
	server, err := r.settings.Server(ctx)
	if err != nil {
		return api.DomainReports{}, err
	}
	all := api.DomainReports{
		Since: sum.Since, Days: []api.ReportDay{}, Sources: []api.ReportSource{}, Reporters: []api.Reporter{},
		TLS: []api.TLSReportDay{}, TLSCauses: []ladder.Cause{}, TLSHosts: []api.TLSHost{},
	}
	for _, d := range sum.Days {
		all.Days = append(all.Days, api.ReportDay{Day: d.Day, ReportCount: reportCount(d)})
	}
	for _, d := range sum.Sources {
		all.Sources = append(all.Sources, reportSource(d, sum.Disowned, server.Addresses))
	}
	for _, p := range sum.Reporters {
		all.Reporters = append(all.Reporters, api.Reporter(p))
	}
	failures := map[string]int{}
	for _, d := range sum.TLS {
		all.TLS = append(all.TLS, api.TLSReportDay{Day: d.Day, Successes: d.Successes, Failures: d.Failures})
		for kind, n := range d.Types {
			failures[kind] += n
		}
	}
	all.TLSCauses = append(all.TLSCauses, ladder.Causes(failures)...)
	for _, h := range sum.TLSHosts {
		all.TLSHosts = append(all.TLSHosts, api.TLSHost(h))
	}
	return all, nil
}

func (r *reported) summary(ctx context.Context, domain string, since time.Time) (reports.Summary, error) {
	if _, err := r.domains.Get(ctx, domain); err != nil {
		return reports.Summary{}, err
	}
	return r.policies.reports.Summary(ctx, domain, since)
}

func reportCount(d reports.SourceDay) api.ReportCount {
	return api.ReportCount{Messages: d.Messages, Aligned: d.Aligned, SPF: d.SPF, DKIM: d.DKIM, Quarantined: d.Quarantined, Rejected: d.Rejected}
}

// shownAddresses is how many addresses of a source are shown.
const shownAddresses = 8

func reportSource(d reports.SourceDay, disowned []string, ours []netip.Addr) api.ReportSource {
	addresses := d.MostUsed(shownAddresses)
	return api.ReportSource{
		ID: d.Source, Name: sourceName(d), Disowned: slices.Contains(disowned, d.Source),
		Own:       slices.ContainsFunc(ours, func(a netip.Addr) bool { return slices.Contains(addresses, a.Unmap().String()) }),
		Addresses: addresses, Selectors: append([]string{}, d.Selectors...), First: d.First, Last: d.Last, ReportCount: reportCount(d),
	}
}

// sourceName is what people call a source: the service by its name.
func sourceName(d reports.SourceDay) string {
	if sender, ok := dnsplan.SenderByDomain(d.Service); d.Service != "" && ok {
		return sender.Name
	}
	return d.Source
}

// Rows returns the rows about one source.
func (r *reported) Rows(ctx context.Context, domain, source string, since time.Time) ([]api.ReportRow, error) {
	const most = 500
	if _, err := r.domains.Get(ctx, domain); err != nil {
		return nil, err
	}
	found, err := r.policies.reports.Rows(ctx, domain, source, since, most)
	rows := make([]api.ReportRow, len(found))
	for i, x := range found {
		rows[i] = api.ReportRow{
			Org: x.Org, End: x.End, Source: x.Source.String(), Messages: x.Count, Disposition: x.Disposition, DKIM: x.DKIM, SPF: x.SPF,
			HeaderFrom: x.HeaderFrom, EnvelopeFrom: x.EnvelopeFrom, Signatures: []api.ReportSignature{}, SPFChecks: []api.ReportSPFCheck{},
		}
		for _, s := range x.Signatures {
			rows[i].Signatures = append(rows[i].Signatures, api.ReportSignature(s))
		}
		for _, c := range x.SPFChecks {
			rows[i].SPFChecks = append(rows[i].SPFChecks, api.ReportSPFCheck(c))
		}
	}
	return rows, err
}

// Names looks up the names of the addresses that are shown.
func (r *reported) Names(ctx context.Context, domain string, since time.Time) (map[string]string, error) {
	sum, err := r.summary(ctx, domain, since)
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, d := range sum.Sources {
		addresses = append(addresses, d.MostUsed(shownAddresses)...)
	}
	return r.names.of(ctx, addresses), nil
}

// addressNames looks up names of addresses and remembers them.
type addressNames struct {
	resolver nameResolver
	networks bool // tell whose network an address is of, too
	mu       sync.Mutex
	known    map[string]addressName
}

type addressName struct {
	name string // empty: it has none
	at   time.Time
}

// nameResolver is what names are looked up with.
type nameResolver interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Limits of looking up names: people wait for them.
const (
	namesLife    = 24 * time.Hour
	namesTimeout = 5 * time.Second
	namesAtOnce  = 16
	namesKept    = 10_000
)

// of returns the names that are known within the time-out. It waits for all
// that it has begun.
func (n *addressNames) of(ctx context.Context, addresses []string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(namesAtOnce)
	for _, a := range addresses {
		if !n.isKnown(a) {
			g.Go(func() error { n.look(ctx, a); return nil })
		}
	}
	_ = g.Wait() // none of them fails
	n.mu.Lock()
	defer n.mu.Unlock()
	names := map[string]string{}
	for _, a := range addresses {
		if name := n.known[a].name; name != "" {
			names[a] = name
		}
	}
	return names
}

func (n *addressNames) isKnown(address string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	last, ok := n.known[address]
	return ok && time.Since(last.at) < namesLife
}

// look finds the name that leads back to the address, and its network. What
// could not be looked up is not remembered.
func (n *addressNames) look(ctx context.Context, address string) {
	name, err := n.confirmed(ctx, address)
	if err != nil && !isAbsent(err) {
		return
	}
	if n.networks {
		network, err := announcer(ctx, n.resolver, address)
		if err != nil && !isAbsent(err) {
			return
		}
		name = withNetwork(name, network)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) >= namesKept {
		n.known = map[string]addressName{}
	}
	n.known[address] = addressName{name, time.Now()}
}

// withNetwork is "mail.example.net (AS64496 EXAMPLE-AS, DE)", or what there is of
// the two.
func withNetwork(name, network string) string {
	if name == "" || network == "" {
		return name + network
	}
	return name + " (" + network + ")"
}

func isAbsent(err error) bool {
	dnsErr, ok := errors.AsType[*net.DNSError](err)
	return ok && dnsErr.IsNotFound
}

func (n *addressNames) confirmed(ctx context.Context, address string) (string, error) {
	names, err := n.resolver.LookupAddr(ctx, address)
	if err != nil || len(names) == 0 {
		return "", err
	}
	name, err := gomail.CanonicalDomain(names[0])
	if err != nil {
		return "", nil
	}
	back, err := n.resolver.LookupIPAddr(ctx, name)
	if slices.ContainsFunc(back, func(a net.IPAddr) bool { return a.IP.String() == address }) {
		return name, nil
	}
	return "", err
}
