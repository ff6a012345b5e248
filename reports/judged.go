package reports

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"gomail/reports/aggregate"
)

// Judged is what became of a message that claims to be from a domain which
// asks for reports.
type Judged struct {
	Policy aggregate.Policy // that was gone by; its Domain is who is told
	Result aggregate.Record // Count is 1
}

// JudgedDay is what is told about a domain's day: results with how many
// messages they are.
type JudgedDay struct {
	Domain  string
	Day     time.Time // midnight UTC
	Results []Judged
}

// Bounds of what is kept of a day. What comes beyond them is not reported:
// whoever sends mail in a hundred thousand names is not to fill the disk.
const (
	MaxJudged        = aggregate.MaxRecords // results about a domain
	MaxJudgedDomains = 20_000
	maxWaiting       = 20_000 // results in memory
)

// tally counts results until they are written.
type tally struct {
	mu    sync.Mutex
	count map[string]*counted // by day and all that tells results apart
	lost  int
}

type counted struct {
	day time.Time
	Judged
}

// Note counts a message that was judged now. It does not wait for anything.
func (s *Service) Note(j Judged) {
	day := s.config.Clock().UTC().Truncate(24 * time.Hour)
	key := fmt.Sprint(day.Unix(), j) // a key within the process only
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	switch c := s.tally.count[key]; {
	case c != nil:
		c.Result.Count++
	case len(s.tally.count) >= maxWaiting:
		s.tally.lost++
	default:
		j.Result.Count = 1
		s.tally.count[key] = &counted{day, j}
	}
}

// Flush writes what was counted. What has not been written is lost if the power
// is: an aggregate report is not an account of mail.
func (s *Service) Flush(ctx context.Context) error {
	s.tally.mu.Lock()
	waiting, lost := s.tally.count, s.tally.lost
	s.tally.count, s.tally.lost = map[string]*counted{}, 0
	s.tally.mu.Unlock()
	if lost > 0 {
		s.config.Logger.Warn("too many different results to be reported", slog.Int("messages", lost))
	}
	if len(waiting) == 0 {
		return nil
	}
	return s.config.Store.AddJudged(ctx, days(waiting))
}

// days sorts results by day and domain.
func days(waiting map[string]*counted) []JudgedDay {
	var all []JudgedDay
	sorted := slices.SortedFunc(maps.Values(waiting), func(a, b *counted) int {
		return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.Policy.Domain, b.Policy.Domain))
	})
	for _, c := range sorted {
		if n := len(all); n == 0 || all[n-1].Domain != c.Policy.Domain || !all[n-1].Day.Equal(c.day) {
			all = append(all, JudgedDay{Domain: c.Policy.Domain, Day: c.day})
		}
		last := &all[len(all)-1]
		last.Results = append(last.Results, c.Judged)
	}
	return all
}
