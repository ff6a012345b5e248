package smtpd

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzFuture reads HOLDFOR, HOLDUNTIL and BY: what is taken is within what their
// syntax can say, and says the same again.
func FuzzFuture(f *testing.F) {
	for _, s := range []string{"60", "999999999", "2026-05-04T03:03:00Z", "2026-05-04t05:03:00.25+02:00", "+120;RT", "-5;N", "0;R", "60;", ";R", "9999999999;N", "5;NTT"} {
		f.Add(s)
	}
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := parseHold(param{"HOLDFOR", s}, now); ok {
			if d := at.Sub(now); strconv.Itoa(int(d/time.Second)) != s || d <= 0 {
				t.Errorf("HOLDFOR=%s is %v", s, d)
			}
		}
		if at, ok := parseHold(param{"HOLDUNTIL", s}, now); ok {
			if again, ok := parseHold(param{"HOLDUNTIL", at.Format(time.RFC3339Nano)}, now); !ok || !again.Equal(at) {
				t.Errorf("HOLDUNTIL=%s is %v, and that is %v", s, at, again)
			}
		}
		if by, ok := parseBy(s, now); ok {
			left := by.Deadline.Sub(now) / time.Second
			again, ok := parseBy(strconv.Itoa(int(left))+";"+by.Mode(), now)
			if !ok || again != by || by.Return && left <= 0 || left > 999_999_999 || left < -999_999_999 || !strings.Contains(s, ";") {
				t.Errorf("BY=%s is %+v, and that is %+v (%t)", s, by, again, ok)
			}
		}
	})
}
