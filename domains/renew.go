package domains

import (
	"context"
	"log/slog"
	"time"

	"gomail"
)

// renew begins a rotation by itself when the newest key has grown old.
func (s *Service) renew(ctx context.Context, d gomail.Domain, keys []sighted) error {
	age := s.renewAge(d)
	if age == 0 || len(keys) == 0 {
		return nil
	}
	newest := time.Time{}
	algorithms := map[string]bool{}
	for _, k := range keys {
		if k.State == gomail.DKIMPending {
			return nil
		}
		if k.Created.After(newest) {
			newest = k.Created
		}
		if k.signs() {
			algorithms[k.Algorithm] = true
		}
	}
	if s.now().Sub(newest) < age || len(algorithms) == 0 {
		return nil
	}
	algorithm := d.Settings.DKIM.Algorithm
	if algorithm == "" {
		algorithm = sameKinds(algorithms)
	}
	_, err := s.Generate(ctx, d.Name, algorithm, "")
	if gomail.KindOf(err) == gomail.Exists {
		return nil
	}
	if err == nil {
		s.log.Warn("new DKIM keys wait to be published", slog.String("domain", d.Name))
	}
	return err
}

// renewAge is the age at which the domain's keys are replaced; 0: never.
func (s *Service) renewAge(d gomail.Domain) time.Duration {
	switch days := d.Settings.DKIM.RenewDays; {
	case days < 0:
		return 0
	case days > 0:
		return time.Duration(min(days, 36500)) * 24 * time.Hour
	}
	return s.config.Pace.Renew
}

// sameKinds is the choice that makes a key of each kind that signs now.
func sameKinds(algorithms map[string]bool) string {
	if len(algorithms) == 1 {
		for a := range algorithms {
			return a
		}
	}
	return Both
}

// Reminder is told to the owner of a domain whose new keys wait.
type Reminder struct {
	Domain string
	Keys   []gomail.DKIMKey // that wait to be published
	First  bool             // nothing signs until they are
}

// remind tells the owner again and again of keys that wait to be published by
// hand. The old key goes on signing meanwhile.
func (s *Service) remind(ctx context.Context, d gomail.Domain, keys []sighted) error {
	if s.config.Remind == nil || s.config.Pace.Remind == 0 {
		return nil
	}
	r := Reminder{Domain: d.Name, First: true}
	var oldest time.Time
	for _, k := range keys {
		r.First = r.First && !k.signs()
		if k.State != gomail.DKIMPending || !k.known || k.Sight == Everywhere {
			continue
		}
		r.Keys = append(r.Keys, k.DKIMKey)
		if oldest.IsZero() || k.Created.Before(oldest) {
			oldest = k.Created
		}
	}
	if len(r.Keys) == 0 || s.now().Sub(oldest) < s.config.Pace.Remind {
		return nil
	}
	last, err := s.config.Store.Reminded(ctx, d.ID)
	if err != nil || s.now().Sub(last) < s.config.Pace.Remind {
		return err
	}
	if err := s.config.Remind(ctx, r); err != nil {
		s.log.Error("the owner could not be reminded of new DKIM keys", slog.String("domain", d.Name), slog.Any("error", err))
		return nil
	}
	return s.config.Store.SetReminded(ctx, d.ID, s.now())
}
