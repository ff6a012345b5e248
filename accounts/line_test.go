package accounts

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
)

func stranger(n int) rank {
	return rank{network: netip.MustParsePrefix(fmt.Sprintf("192.0.%d.0/24", n))}
}

// A flood of guesses is turned away at once, and people whose place is known
// go before those who wait.
func TestFloodOfSignIns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1, 0)
		if err := l.enter(t.Context(), stranger(0)); err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 100)
		wait := func(name string, r rank) {
			go func() {
				if err := l.enter(t.Context(), r); err != nil {
					name += " given up"
				}
				order <- name
			}()
			synctest.Wait()
		}
		for i := range maxPerPlace {
			wait(fmt.Sprint("near ", i), stranger(1))
		}
		if err := l.enter(t.Context(), stranger(1)); gomail.KindOf(err) != gomail.Unavailable {
			t.Errorf("one more of a network: %v", err)
		}
		for i := range maxStrangers - maxPerPlace {
			wait(fmt.Sprint("far ", i), stranger(2+i))
		}
		if err := l.enter(t.Context(), stranger(100)); gomail.KindOf(err) != gomail.Unavailable {
			t.Errorf("one stranger more: %v", err)
		}
		wait("known", rank{known: true})
		for _, want := range []string{"known", "near 0", "near 1"} {
			l.leave()
			if got := <-order; got != want {
				t.Errorf("%s had its turn before %s", got, want)
			}
		}
		time.Sleep(strangersWait)
		synctest.Wait()
		if len(order) != maxStrangers-2 || len(l.strangers) != 0 || len(l.places) != 0 {
			t.Errorf("after the wait %d gave up, %d are in line from %d places", len(order), len(l.strangers), len(l.places))
		}
		l.leave()
		if err := l.enter(t.Context(), stranger(100)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
