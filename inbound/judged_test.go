package inbound_test

import (
	"testing"

	"gomail/inbound"
)

// What is told of a message is what was done, and why, where that is not what
// the author's domain asks for.
func TestJudged(t *testing.T) {
	for _, c := range []struct {
		mode inbound.Mode
		from string
		want string
	}{
		{inbound.Reject, "good.test", "pass "},
		{inbound.Reject, "reject.test", "reject "},
		{inbound.Quarantine, "reject.test", "quarantine local_policy"},
		{inbound.Observe, "reject.test", "none local_policy"},
		{inbound.Reject, "quarantine.test", "quarantine "},
		{inbound.Reject, "nowhere.test", "none "},
	} {
		var got []string
		f := newFixture(t, c.mode)
		f.config.Judged = func(j inbound.Judgement) {
			got = append(got, j.Disposition+" "+j.Override)
			if j.Client.String() != "192.0.2.1" || j.From.Domain != c.from || j.Auth.DMARC.Author != c.from {
				t.Errorf("told of %+v", j)
			}
		}
		f.Service = inbound.New(f.config)
		text := from(c.from)
		if c.from == "good.test" {
			text = signed(t)
		}
		f.receive(mail{"mx." + c.from, "x@" + c.from, []string{"anna@example.com"}, text})
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s in mode %s: %q, want %q", c.from, c.mode, got, c.want)
		}
	}
}
