package reports

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"gomail"
	"gomail/ladder"
	"gomail/reports/aggregate"
)

// Retention is how long reports are kept: a year and a month, so that a year
// can be compared with the one before.
const Retention = 400 * 24 * time.Hour

// Limits of one report: what is larger is not about mail of a domain of ours.
const (
	maxRows  = aggregate.MaxRecords
	maxText  = 255
	maxAuth  = 20
	maxCount = 1_000_000_000
	maxSpan  = 32 * 24 * time.Hour // that a report covers
	maxAhead = 48 * time.Hour      // that a reporter's clock may be ahead
)

// Config is what a Service needs.
type Config struct {
	Store  Store
	Hosted func(ctx context.Context, domain string) (bool, error) // nil: every domain is
	Clock  func() time.Time                                       // nil: time.Now
	Logger *slog.Logger                                           // nil: none

	// MaxRowsPerDay is how many rows are kept of what comes by mail about a
	// domain's day, from all reporters together. 0: 200,000.
	MaxRowsPerDay int
}

// Service keeps reports and sums them up. Its methods may be called at the
// same time.
type Service struct {
	config  Config
	reading chan struct{} // has room for those who may read a report at once
	tally   tally

	failures failures
}

// New returns a Service.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxRowsPerDay <= 0 {
		c.MaxRowsPerDay = 200_000
	}
	if c.Hosted == nil {
		c.Hosted = func(context.Context, string) (bool, error) { return true, nil }
	}
	return &Service{config: c, reading: make(chan struct{}, 1), tally: tally{count: map[string]*counted{}}, failures: failures{waiting: make(chan Failure, failuresWaiting)}}
}

// AddDMARC keeps an aggregate report. It returns false when the same report
// (organisation and id) is known; reporters repeat themselves. A report that
// breaks a limit is Invalid or TooMany.
func (s *Service) AddDMARC(ctx context.Context, r DMARCReport) (added bool, err error) {
	if err := s.check(r.Org, r.ID, r.Begin, r.End, len(r.Rows)); err != nil {
		return false, err
	}
	if canonical, err := gomail.CanonicalDomain(r.Domain); err != nil || canonical != r.Domain {
		return false, gomail.Errorf(gomail.Invalid, "the report is about %.100q, which is no domain", r.Domain)
	}
	for _, row := range r.Rows {
		if err := row.check(); err != nil {
			return false, err
		}
	}
	return s.config.Store.AddDMARCReport(ctx, r, gather(r))
}

// AddTLS keeps a TLS report. It returns false when the same report
// (organisation and id) is known. A report that breaks a limit is Invalid or
// TooMany.
func (s *Service) AddTLS(ctx context.Context, r TLSReport) (added bool, err error) {
	if err := s.check(r.Org, r.ID, r.Begin, r.End, len(r.Rows)); err != nil {
		return false, err
	}
	for _, row := range r.Rows {
		if err := row.check(); err != nil {
			return false, err
		}
	}
	return s.config.Store.AddTLSReport(ctx, r)
}

// check holds what is true of every report.
func (s *Service) check(org, id string, begin, end time.Time, rows int) error {
	now := s.config.Clock()
	switch {
	case org == "" || id == "" || len(org) > maxText || len(id) > maxText:
		return gomail.Errorf(gomail.Invalid, "the report does not say who it is from and which it is, in at most %d octets each", maxText)
	case end.Before(begin) || end.Sub(begin) > maxSpan:
		return gomail.Errorf(gomail.Invalid, "the report covers the time from %s to %s, which cannot be", begin.UTC().Format(time.DateTime), end.UTC().Format(time.DateTime))
	case end.After(now.Add(maxAhead)) || end.Before(now.Add(-Retention)):
		return gomail.Errorf(gomail.Invalid, "the report is about %s, which is too far from now", end.UTC().Format(time.DateOnly))
	case rows > maxRows:
		return gomail.Errorf(gomail.TooMany, "the report has more than %d rows", maxRows)
	}
	return nil
}

func (r DMARCRow) check() error {
	if !r.Source.IsValid() || r.Count < 0 || r.Count > maxCount {
		return gomail.Errorf(gomail.Invalid, "a row of the report has no valid source or count")
	}
	if len(r.Signatures) > maxAuth || len(r.SPFChecks) > maxAuth {
		return gomail.Errorf(gomail.TooMany, "a row of the report has more than %d results", maxAuth)
	}
	texts := []string{r.Disposition, r.HeaderFrom, r.EnvelopeFrom}
	for _, x := range r.Signatures {
		texts = append(texts, x.Domain, x.Selector, x.Result)
	}
	for _, x := range r.SPFChecks {
		texts = append(texts, x.Domain, x.Scope, x.Result)
	}
	return checkTexts(texts)
}

func (r TLSRow) check() error {
	if canonical, err := gomail.CanonicalDomain(r.Domain); err != nil || canonical != r.Domain {
		return gomail.Errorf(gomail.Invalid, "a row of the report is about %.100q, which is no domain", r.Domain)
	}
	if r.Successes < 0 || r.Failures < 0 || r.Successes > maxCount || r.Failures > maxCount || max(len(r.Types), len(r.Hosts)) > maxAuth {
		return gomail.Errorf(gomail.Invalid, "a row of the report has no valid counts")
	}
	return checkTexts(slices.Concat([]string{r.PolicyType}, slices.Collect(maps.Keys(r.Types)), slices.Collect(maps.Keys(r.Hosts))))
}

func checkTexts(texts []string) error {
	for _, text := range texts {
		if len(text) > maxText {
			return gomail.Errorf(gomail.Invalid, "a row of the report holds a text of more than %d octets", maxText)
		}
	}
	return nil
}

// StepTaken notes a step on a domain's ladder, once its settings are saved.
func (s *Service) StepTaken(ctx context.Context, domain string, step ladder.Step) error {
	return s.config.Store.AddPolicyStep(ctx, domain, step)
}

// Steps returns the steps that were taken, oldest first.
func (s *Service) Steps(ctx context.Context, domain string) ([]ladder.Step, error) {
	return s.config.Store.PolicySteps(ctx, domain)
}

// mostDisowned bounds the marks of a domain.
const mostDisowned = 1000

// Disown marks a source, by its ID in the evidence, as not the owner's, so
// that its mail no longer counts; or takes the mark away.
func (s *Service) Disown(ctx context.Context, domain, source string, disowned bool) error {
	if source == "" || len(source) > maxText {
		return gomail.Errorf(gomail.Invalid, "%.100q is no source", source)
	}
	if marked, err := s.config.Store.DisownedSources(ctx, domain); err != nil || disowned && len(marked) >= mostDisowned {
		return cmp.Or(err, gomail.Errorf(gomail.TooMany, "%d sources of %s are marked already: take some marks away", len(marked), domain))
	}
	return s.config.Store.SetDisowned(ctx, domain, source, disowned)
}

// Forget removes all that is kept about a domain, when it is no longer
// hosted.
func (s *Service) Forget(ctx context.Context, domain string) error {
	return s.config.Store.ForgetPolicies(ctx, domain)
}

// Clean removes reports that are older than Retention, and returns how many.
func (s *Service) Clean(ctx context.Context) (int, error) {
	return s.config.Store.RemoveReports(ctx, s.config.Clock().Add(-Retention))
}
