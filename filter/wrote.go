package filter

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gomail/dnsplan"
)

// maxWrote bounds the domains that wait to be remembered.
const maxWrote = 10_000

// wrote collects the domains that people here write to: each is written to the
// store once a day.
type wrote struct {
	mu      sync.Mutex
	waiting map[string]bool
	done    map[string]bool // since day
	day     time.Time
}

// Wrote remembers that mail goes to domains, so that answers do not wait. It
// does not wait for anything.
func (s *Service) Wrote(domains ...string) {
	w := &s.wrote
	w.mu.Lock()
	defer w.mu.Unlock()
	if today := s.config.Clock().Truncate(24 * time.Hour); !today.Equal(w.day) || len(w.done) >= maxWrote {
		w.day, w.done = today, map[string]bool{}
	}
	for _, d := range domains {
		if org := dnsplan.Organisation(d); !w.done[org] && len(w.waiting) < maxWrote {
			w.done[org], w.waiting[org] = true, true
		}
	}
}

// Flush writes to the store what Wrote was told.
func (s *Service) Flush(ctx context.Context) error {
	s.wrote.mu.Lock()
	var domains []string
	for d := range s.wrote.waiting {
		domains = append(domains, d)
	}
	s.wrote.waiting = map[string]bool{}
	s.wrote.mu.Unlock()
	if len(domains) == 0 {
		return nil
	}
	err := s.config.Store.WroteTo(ctx, domains, s.config.Clock())
	if err != nil {
		s.putBack(domains)
	}
	return err
}

// putBack has domains written with the next Flush.
func (s *Service) putBack(domains []string) {
	s.wrote.mu.Lock()
	defer s.wrote.mu.Unlock()
	for _, d := range domains {
		s.wrote.waiting[d] = true
	}
}

// Clean forgets whom nobody has heard of for long.
func (s *Service) Clean(ctx context.Context) error {
	now := s.config.Clock()
	return s.config.Store.ForgetAcquaintances(ctx, now.Add(-Memory), now.Add(-retryWindow))
}

// Run writes what Wrote was told every half minute, and cleans every hour,
// until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	flush, clean := time.NewTicker(30*time.Second), time.NewTicker(time.Hour)
	defer flush.Stop()
	defer clean.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		case <-flush.C:
			err = s.Flush(ctx)
		case <-clean.C:
			err = s.Clean(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.config.Logger.Error("what greylisting knows could not be written", slog.Any("error", err))
		}
	}
}
