package dnspub

import (
	"testing"

	"gomail"
)

// A challenge stands beside what others have at its name, is taken away alone,
// and is not in the journal.
func TestChallenge(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		start := len(f.journal())
		const name = "_acme-challenge.mta-sts.example.com"
		for _, value := range []string{"one", "two"} {
			if err := f.AddText(f.Context(), "example.com", name, value); err != nil {
				f.Fatal(err)
			}
		}
		m.holds(f.T, name, "TXT", "one", "two")
		if err := f.RemoveText(f.Context(), "example.com", name, "one"); err != nil {
			f.Fatal(err)
		}
		m.holds(f.T, name, "TXT", "two")
		if err := f.RemoveText(f.Context(), "example.com", name, "two"); err != nil {
			f.Fatal(err)
		}
		m.holds(f.T, name, "TXT")
		if n := len(f.journal()); n != start {
			f.Errorf("the journal has grown by %d", n-start)
		}
		f.is(f.AddText(f.Context(), "example.org", name, "x"), gomail.NotFound)
	})
}
