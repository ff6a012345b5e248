package dnspub

import (
	"context"
	"log/slog"
	"time"

	"github.com/libdns/libdns"

	"gomail"
	"gomail/dnsplan"
)

// tries is how often a change is sent, and firstRetry how long is waited
// before the second time; it doubles. mostFailures is after how many changes
// in a row that a provider could not do the rest is not sent any more.
const (
	tries        = 3
	firstRetry   = 500 * time.Millisecond
	mostFailures = 3
)

// applier makes the changes of one publication.
type applier struct {
	p      *Publisher
	target target
	pub    *dnsplan.Publication

	done   int // changes that were made
	failed int // in a row, for want of an answer
}

// run makes the open changes: all at once where the provider does all or
// nothing, and one by one where it does not, or where one of them is refused.
func (a *applier) run(ctx context.Context) {
	if own, ok := a.target.provider.(*client); ok && own.atomic() && pending(a.pub.Results) > 1 {
		var sets []rrset
		for _, r := range a.pub.Results {
			if open(r) {
				sets = append(sets, after(r.Change))
			}
		}
		err := a.try(ctx, func() error { _, err := own.replace(ctx, a.target.zone, sets); return err })
		if kind := gomail.KindOf(err); kind != gomail.Invalid && kind != gomail.Exists {
			a.settle(ctx, err)
			return
		}
	}
	for i := range a.pub.Results {
		r := &a.pub.Results[i]
		if !open(*r) {
			continue
		}
		a.outcome(r, a.one(ctx, r.Change))
		// Best effort: the journal says "interrupted" of what it was not told.
		a.p.config.Store.UpdatePublication(context.WithoutCancel(ctx), *a.pub)
	}
}

// settle notes what became of changes that were sent together. After an error
// that leaves it open, the zone is asked.
func (a *applier) settle(ctx context.Context, err error) {
	var zone contents
	known := false
	if err != nil {
		look, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
		defer cancel()
		var readErr error
		zone, readErr = a.target.read(look, recordsOf(a.pub.Results))
		known = readErr == nil
	}
	for i := range a.pub.Results {
		r := &a.pub.Results[i]
		switch {
		case !open(*r):
		case err != nil && known && zone.holds(after(r.Change)):
			a.outcome(r, nil)
		default:
			a.outcome(r, err)
		}
	}
}

// recordsOf names the sets of results, for reading them.
func recordsOf(results []dnsplan.Result) []dnsplan.Record {
	var all []dnsplan.Record
	for _, r := range results {
		all = append(all, dnsplan.Record{Name: r.Name, Type: r.Type})
	}
	return all
}

// outcome notes what became of a change.
func (a *applier) outcome(r *dnsplan.Result, err error) {
	if err != nil {
		r.Outcome, r.Error = dnsplan.Failed, err.Error()
		return
	}
	r.Outcome, r.Error = dnsplan.Done, ""
	a.done++
}

// one makes one change.
func (a *applier) one(ctx context.Context, ch dnsplan.Change) error {
	if a.failed >= mostFailures {
		return gomail.Errorf(gomail.Unavailable, "It was not sent: the DNS provider could not do the changes before it. Publish again later.")
	}
	err := a.try(ctx, func() error { return a.send(ctx, ch) })
	if kind := gomail.KindOf(err); kind.Temporary() || kind == gomail.Forbidden {
		a.failed++
	} else {
		a.failed = 0
	}
	return err
}

// send writes a set, which is to write it whole: values that are not ours are
// among those of the change.
func (a *applier) send(ctx context.Context, ch dnsplan.Change) error {
	zone := a.target.zone + "."
	if own, ok := a.target.provider.(*client); ok {
		_, err := own.replace(ctx, a.target.zone, []rrset{after(ch)})
		return err
	}
	if len(ch.After) > 0 {
		_, err := a.target.provider.SetRecords(ctx, zone, after(ch).records(a.target.zone))
		return foreign(err)
	}
	gone := before(ch).records(a.target.zone)
	for i, r := range gone {
		rr := r.RR()
		gone[i] = libdns.RR{Name: rr.Name, Type: rr.Type, Data: rr.Data} // whatever its TTL is now
	}
	_, err := a.target.provider.DeleteRecords(ctx, zone, gone)
	return foreign(err)
}

// try repeats what failed for the moment. Sets are written whole, so that once
// more does no harm.
func (a *applier) try(ctx context.Context, do func() error) error {
	pause := firstRetry
	for n := 1; ; n++ {
		err := do()
		if err == nil || !gomail.KindOf(err).Temporary() || n == tries || a.failed > 0 {
			return err
		}
		if a.p.config.Options.Wait(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}

// report logs one line for a publication.
func (p *Publisher) report(pub dnsplan.Publication) {
	counts := map[dnsplan.Outcome]int{}
	for _, r := range pub.Results {
		counts[r.Outcome]++
	}
	level := slog.LevelInfo
	if counts[dnsplan.Failed] > 0 {
		level = slog.LevelWarn
	}
	p.config.Logger.Log(context.Background(), level, "dns published", slog.String("domain", pub.Domain), slog.String("zone", pub.Zone),
		slog.String("connection", pub.Connection), slog.String("actor", pub.Actor), slog.String("kind", pub.Kind),
		slog.Int("done", counts[dnsplan.Done]), slog.Int("kept", counts[dnsplan.Kept]),
		slog.Int("skipped", counts[dnsplan.Skipped]), slog.Int("failed", counts[dnsplan.Failed]))
}
