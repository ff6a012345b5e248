package e2e

import (
	"testing"
	"time"
)

// patience is how long a condition may take to come true on a busy machine.
const patience = 30 * time.Second

// eventually polls until the condition holds, and fails the test when it does
// not in time.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		<-tick.C
	}
}
