package ladder

import (
	"slices"
	"time"
)

const day = 24 * time.Hour

// midnight is the beginning of a moment's day.
func midnight(t time.Time) time.Time { return t.UTC().Truncate(day) }

// window is the days that count: the last NeedDays with reports, whatever lay
// between them, so that what was mended early does not stand in the way for
// ever.
type window struct{ days []time.Time }

// newWindow takes the days from which there are reports, in any order. Those
// before since, in the future, or older than MaxAge do not count.
func newWindow(days []time.Time, since, now time.Time) window {
	oldest := midnight(now.Add(-MaxAge))
	if !since.IsZero() && midnight(since).After(oldest) {
		oldest = midnight(since)
	}
	var w window
	for _, d := range days {
		if !d.Before(oldest) && !d.After(now) {
			w.days = append(w.days, midnight(d))
		}
	}
	slices.SortFunc(w.days, time.Time.Compare)
	w.days = slices.CompactFunc(w.days, time.Time.Equal)
	if over := len(w.days) - NeedDays; over > 0 {
		w.days = w.days[over:]
	}
	return w
}

// holds reports whether a day counts.
func (w window) holds(d time.Time) bool {
	_, found := slices.BinarySearchFunc(w.days, midnight(d), time.Time.Compare)
	return found
}

// sum adds up what a source sent within the window.
func (w window) sum(s Source) Count {
	var total Count
	for _, c := range s.Days {
		if w.holds(c.Day) {
			total.Add(c)
		}
	}
	return total
}

// mailDays are the days of which DMARC reports tell.
func (e Evidence) mailDays() []time.Time {
	var days []time.Time
	for _, s := range e.Sources {
		for _, c := range s.Days {
			if c.Messages > 0 {
				days = append(days, c.Day)
			}
		}
	}
	return days
}

// tlsDays are the days of which TLS reports tell.
func (e Evidence) tlsDays() []time.Time {
	var days []time.Time
	for _, d := range e.TLS {
		if d.Successes+d.Failures > 0 {
			days = append(days, d.Day)
		}
	}
	return days
}
