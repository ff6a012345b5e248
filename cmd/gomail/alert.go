package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// administrators returns who is told about a domain: those who manage it
// alone, and its postmaster. Mail for a parked domain is refused, so there it
// is the server's.
func (s *services) administrators(ctx context.Context, domain string) ([]gomail.Address, error) {
	to := []gomail.Address{{Local: "postmaster", Domain: domain}}
	if d, err := s.domains.Get(ctx, domain); err == nil && d.Settings.Parked {
		to[0].Domain = s.config.Server.Hostname
	}
	managed, err := s.accounts.Managed(ctx)
	if err != nil {
		return to, err
	}
	for id, names := range managed {
		if !slices.Contains(names, domain) {
			continue
		}
		account, err := s.accounts.Get(ctx, id)
		if err != nil {
			return to, err
		}
		if !account.Disabled {
			to = append(to, account.Address)
		}
	}
	return to, nil
}

// alert tells a domain's administrators what was lost, but for what they have
// just changed through GoMail themselves, and for what all domains share: that
// is told once.
func (s *services) alert(ctx context.Context, a dnsplan.Alert) error {
	journal, err := s.publisher.Publications(ctx, a.Domain)
	if err != nil {
		return err
	}
	a.Lost = slices.DeleteFunc(slices.Clone(a.Lost), func(e dnsplan.Entry) bool { return ownChange(journal, e) })
	home, err := s.home(ctx)
	if err != nil {
		return err
	}
	if a.Domain != home {
		var shared []dnsplan.Entry
		a.Lost, shared = s.split(a.Lost)
		if home == "" { // else its own look finds them
			if err := s.alertShared(ctx, a.At, shared); err != nil {
				return err
			}
		}
	}
	if len(a.Lost) == 0 {
		return nil
	}
	if !s.alerts.may(time.Now()) {
		return gomail.Errorf(gomail.Throttled, "many domains have lost records at once: this one's are told later, if they are still lost")
	}
	a.Page = s.page(a.Domain) + "/records"
	return s.tellAdministrators(ctx, a.Domain, a.Subject(), a.Text())
}

// home is the hosted domain in which the mail host lies: its records are that
// domain's business. Empty: there is none, or it is not watched.
func (s *services) home(ctx context.Context) (home string, err error) {
	all, err := s.domains.List(ctx)
	host := s.config.Server.Hostname
	for _, d := range all {
		if !d.Disabled && !d.Settings.Parked && (host == d.Name || strings.HasSuffix(host, "."+d.Name)) && len(d.Name) > len(home) {
			home = d.Name
		}
	}
	return home, err
}

// split separates what is a domain's own from what all domains share.
func (s *services) split(lost []dnsplan.Entry) (own, shared []dnsplan.Entry) {
	for _, e := range lost {
		switch dnsplan.ProbeKind(e.Type) {
		case dnsplan.ProbeStartTLS, dnsplan.ProbePort25Out, dnsplan.ProbePort80, dnsplan.ProbeBlockList:
			shared = append(shared, e)
			continue
		}
		switch dnsplan.Purpose(e.Key) {
		case dnsplan.Reverse, dnsplan.TLSA, dnsplan.HeloSPF:
			shared = append(shared, e)
		case dnsplan.Address:
			if e.Name == s.config.Server.Hostname {
				shared = append(shared, e)
			} else {
				own = append(own, e)
			}
		default:
			own = append(own, e)
		}
	}
	return own, shared
}

// alertShared tells the server's postmaster what all domains have lost, once
// however many of them find it.
func (s *services) alertShared(ctx context.Context, at time.Time, lost []dnsplan.Entry) error {
	fresh := s.alerts.fresh(lost, time.Now())
	if len(fresh) == 0 {
		return nil
	}
	if s.announce == nil {
		return errNoServer
	}
	a := dnsplan.Alert{Domain: s.config.Server.Hostname, At: at, Lost: fresh}
	err := s.announce(ctx, gomail.Address{Local: "postmaster", Domain: a.Domain}, a.Subject(), a.Text())
	if err == nil {
		s.alerts.told(fresh, time.Now())
	}
	return err
}

// alertLimit bounds alerts, so that a resolver which lies about hundreds of
// domains does not send as many messages.
type alertLimit struct {
	mu     sync.Mutex
	sent   []time.Time          // of late
	shared map[string]time.Time // what all domains share: when it was last told
}

const (
	alertsAnHour = 30
	sharedLife   = 6 * time.Hour // for which the loss of what all share is not told again
)

// may books an alert, or refuses it.
func (l *alertLimit) may(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = slices.DeleteFunc(l.sent, func(at time.Time) bool { return now.Sub(at) > time.Hour })
	if len(l.sent) >= alertsAnHour {
		return false
	}
	l.sent = append(l.sent, now)
	return true
}

func sharedKey(e dnsplan.Entry) string { return e.Type + " " + e.Name + " " + e.After.Code }

// fresh returns what has not been told of late.
func (l *alertLimit) fresh(lost []dnsplan.Entry, now time.Time) []dnsplan.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(lost), func(e dnsplan.Entry) bool { return now.Sub(l.shared[sharedKey(e)]) < sharedLife })
}

func (l *alertLimit) told(lost []dnsplan.Entry, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared == nil {
		l.shared = map[string]time.Time{}
	}
	for _, e := range lost {
		l.shared[sharedKey(e)] = now
	}
}

// ownChangeLife is for how long a change of ours can be what a look finds:
// caches and secondary servers follow within it.
const ownChangeLife = 2 * time.Hour

// ownChange reports whether what was lost is what GoMail itself was last told
// to write there, as when a publication is taken back.
func ownChange(journal []dnsplan.Publication, e dnsplan.Entry) bool {
	for _, p := range journal { // the newest first
		if e.At.Sub(p.At) > ownChangeLife {
			return false
		}
		for _, r := range p.Results {
			if r.Outcome != dnsplan.Done || r.Type != e.Type || r.Name != e.Name {
				continue
			}
			var written []string
			for _, v := range r.After {
				written = append(written, v.Text)
			}
			if len(e.After.Values) == 0 { // it is gone: was it we who took it away?
				return !slices.ContainsFunc(e.Before.Values, func(v string) bool { return slices.Contains(written, v) })
			}
			return !slices.ContainsFunc(e.After.Values, func(v string) bool { return !slices.Contains(written, v) })
		}
	}
	return false
}

var errNoServer = gomail.Errorf(gomail.Unavailable, "no server runs that could send it")

// tellAdministrators sends a message to all of them. It fails when nobody could
// be told: then it is tried again, and who was told would be told twice.
func (s *services) tellAdministrators(ctx context.Context, domain, subject, text string) error {
	if s.announce == nil {
		return errNoServer
	}
	to, failed := s.administrators(ctx, domain)
	told := 0
	for _, a := range to {
		if err := s.announce(ctx, a, subject, text); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		told++
	}
	if failed != nil && told > 0 {
		s.log.Error("not every administrator could be told", slog.String("domain", domain), slog.Any("error", failed))
		return nil
	}
	return failed
}
