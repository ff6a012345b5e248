package mailbox

import (
	"testing"
	"testing/synctest"
	"time"
)

// The indexer rests as long as it has worked, longer while somebody searches,
// and never for good.
func TestIndexerRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTextIndexer(nil)
		rested := func() time.Duration {
			begun := time.Now()
			x.atLeisure(t.Context(), time.Second)
			return time.Since(begun)
		}
		if d := rested(); d != time.Second {
			t.Errorf("it rested for %v when nobody searched", d)
		}
		x.searching.Add(1)
		if d := rested(); d != searchPatience*time.Second {
			t.Errorf("it rested for %v while somebody searched", d)
		}
		time.AfterFunc(2500*time.Millisecond, func() { x.searching.Add(-1) })
		if d := rested(); d != 3*time.Second {
			t.Errorf("it rested for %v when the search ended after 2.5 s", d)
		}
	})
}
