package queue

import (
	"testing"
	"time"
)

// What is expected at or before what was read is read from the beginning again;
// what comes due later is not.
func TestExpectedBeforeWhatWasRead(t *testing.T) {
	now := time.Now()
	for after, again := range map[time.Duration]bool{-time.Second: true, 0: true, time.Second: false} {
		st := &site{read: Position{Due: now, N: 1}}
		if st.expect(now.Add(after)); (st.read == Position{}) != again {
			t.Errorf("expected %v after what was read: it was read up to %v", after, st.read)
		}
	}
}
