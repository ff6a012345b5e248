package storetest

import (
	"time"

	"gomail/filter"
)

func testAcquaintances(f *fixture) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	known := func(pool, sender string) filter.Acquaintance {
		f.Helper()
		of, _, err := f.store.Acquaintance(f.ctx, pool, sender)
		f.ok(err)
		return of
	}
	waiting, passed := filter.Acquaintance{First: at, Last: at}, filter.Acquaintance{First: at, Last: at.Add(time.Hour), Passed: true}
	f.ok(f.store.Acquaint(f.ctx, "host:x.example", "a@x.example", waiting))
	f.ok(f.store.Acquaint(f.ctx, "host:x.example", "b@x.example", waiting))
	f.ok(f.store.Acquaint(f.ctx, "host:x.example", "b@x.example", passed))
	if a, b, c := known("host:x.example", "a@x.example"), known("host:x.example", "b@x.example"), known("host:y.example", "a@x.example"); a != waiting || b != passed || c != (filter.Acquaintance{}) {
		f.Errorf("known are %+v, %+v, %+v", a, b, c)
	}
	n, err := f.store.PassedSenders(f.ctx, "host:x.example")
	f.ok(err)
	if n != 1 {
		f.Errorf("%d senders passed", n)
	}
	f.ok(f.store.Acquaint(f.ctx, "host:x.example", "", passed))
	if _, whole, err := f.store.Acquaintance(f.ctx, "host:x.example", "c@x.example"); err != nil || whole != passed {
		f.Errorf("the whole pool: %+v, %v", whole, err)
	}
	f.ok(f.store.WroteTo(f.ctx, []string{"x.example", "y.example"}, at))
	f.ok(f.store.WroteTo(f.ctx, []string{"y.example"}, at.Add(time.Hour)))
	f.ok(f.store.ForgetAcquaintances(f.ctx, at.Add(time.Minute), at.Add(time.Minute)))
	if a, b := known("host:x.example", "a@x.example"), known("host:x.example", "b@x.example"); a != (filter.Acquaintance{}) || b != passed {
		f.Errorf("after cleaning: %+v, %+v", a, b)
	}
	for domain, want := range map[string]time.Time{"x.example": {}, "y.example": at.Add(time.Hour), "z.example": {}} {
		if got, err := f.store.WrittenTo(f.ctx, domain); err != nil || !got.Equal(want) {
			f.Errorf("%s was written to at %s, %v", domain, got, err)
		}
	}
}
