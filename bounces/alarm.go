package bounces

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"gomail"
)

// A domain or an account is alarming when more than highPercent of at least
// enough recipients in 24 hours do not exist, until less than lowPercent do, or
// when the mail to more than highSpam percent is refused as spam, until less
// than lowSpam is.
const (
	enough      = 50
	highPercent = 5
	lowPercent  = 3
	highSpam    = 20
	lowSpam     = 10
)

// alarmSpan is what is looked at, lookEvery how often, keepHours how long hours
// are kept.
const (
	alarmSpan = 24 * time.Hour
	lookEvery = 5 * time.Minute
	keepHours = 49 * time.Hour
)

// Percent returns how much of what was sent came back as not existing.
func (c Counts) Percent() float64 { return c.percent(c.Hard) }

func (c Counts) percent(n int) float64 {
	if c.Sent == 0 {
		return 0
	}
	return 100 * float64(n) / float64(c.Sent)
}

// high reports whether the counts are alarming, when they were so before or
// not.
func (c Counts) high(before bool) bool {
	if before {
		return c.Hard > 0 && c.Percent() >= lowPercent || c.Blocked > 0 && c.percent(c.Blocked) >= lowSpam
	}
	return c.Sent >= enough && (c.Percent() > highPercent || c.percent(c.Blocked) > highSpam)
}

// Totals returns what each domain and each account sent in the last 24 hours:
// of a domain's the Account is 0, of an account's the Domain empty.
func (s *Service) Totals(ctx context.Context) ([]Tally, error) {
	since := s.config.Clock().Add(-alarmSpan).UTC().Truncate(time.Hour)
	rows, err := s.config.Store.BounceTotals(ctx, since)
	if err != nil {
		return nil, err
	}
	totals := map[Sender]*Tally{}
	var order []Sender
	add := func(key Sender, t Tally) {
		if totals[key] == nil {
			totals[key] = &Tally{Sender: key, Hour: since}
			order = append(order, key)
		}
		totals[key].Add(t.Counts)
		if t.Said != "" {
			totals[key].Said = t.Said
		}
	}
	for _, t := range rows {
		if t.Domain != "" {
			add(Sender{Domain: t.Domain}, t)
		}
		if t.Account != 0 {
			add(Sender{Account: t.Account}, t)
		}
	}
	all := make([]Tally, len(order))
	for i, key := range order {
		all[i] = *totals[key]
	}
	return all, nil
}

// Days returns a domain's days from a time on, oldest first.
func (s *Service) Days(ctx context.Context, domain string, since time.Time) ([]Day, error) {
	return s.config.Store.BounceDays(ctx, domain, since)
}

// Alarms returns those that hold.
func (s *Service) Alarms(ctx context.Context) ([]Alarm, error) {
	return s.config.Store.BounceAlarms(ctx)
}

// look looks whether alarms begin or end, and tells of those that begin.
func (s *Service) look(ctx context.Context) {
	if err := s.Look(ctx); err != nil {
		s.config.Logger.Error("what comes back could not be looked at", slog.Any("error", err))
	}
}

// Look looks whether too much comes back, or no longer does.
func (s *Service) Look(ctx context.Context) error {
	held, err := s.config.Store.BounceAlarms(ctx)
	if err != nil {
		return err
	}
	totals, err := s.Totals(ctx)
	if err != nil {
		return err
	}
	var all []Alarm
	for _, t := range totals {
		i := slices.IndexFunc(held, func(a Alarm) bool { return a.Sender == t.Sender })
		if !t.high(i >= 0) {
			continue
		}
		a := Alarm{Sender: t.Sender, Since: s.config.Clock(), Counts: t.Counts, Said: t.Said}
		if i >= 0 {
			a.Since = held[i].Since
		} else if !s.tell(ctx, a) {
			continue
		}
		all = append(all, a)
	}
	s.config.Metrics.Alarms(len(all))
	if len(all) == 0 && len(held) == 0 {
		return nil
	}
	return s.config.Store.SetBounceAlarms(ctx, all)
}

// tell tells of an alarm that begins, and reports whether it could.
func (s *Service) tell(ctx context.Context, a Alarm) bool {
	s.config.Logger.Warn("high bounce rate", slog.Int64("account", int64(a.Account)), slog.String("domain", a.Domain), slog.Int("sent", a.Sent), slog.Int("hard", a.Hard))
	if s.config.High == nil {
		return true
	}
	err := s.config.High(ctx, a)
	if err != nil {
		s.config.Logger.Error("administrators could not be told of a high bounce rate", slog.Any("error", err))
	}
	return err == nil || gomail.KindOf(err) == gomail.NotFound // an account that is gone
}

// Describe says in a sentence what the counts mean.
func (c Counts) Describe() string {
	text := fmt.Sprintf("%d of %d recipients in 24 hours do not exist (%.1f %%)", c.Hard, c.Sent, c.Percent())
	if c.Blocked > 0 {
		text += fmt.Sprintf(", and mail to %d was refused as spam (%.1f %%)", c.Blocked, c.percent(c.Blocked))
	}
	return text
}
