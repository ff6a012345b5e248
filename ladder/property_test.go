package ladder

import (
	"testing"

	"pgregory.net/rapid"

	"gomail"
	"gomail/dnsplan"
)

// drawInput makes any domain with any evidence and history.
func drawInput(t *rapid.T) Input {
	in := Input{Domain: "example.com", Now: now, Selectors: []string{"mail"}}
	set := &in.Settings
	set.DMARC.Policy = rapid.SampledFrom([]string{"", "none", "quarantine", "reject"}).Draw(t, "p")
	set.DMARC.Testing = rapid.SampledFrom([]string{"", "y", "n"}).Draw(t, "t")
	set.SPF.All = rapid.SampledFrom([]string{"", "~all", "-all"}).Draw(t, "all")
	set.MTASTS.Mode = rapid.SampledFrom([]string{"", "testing", "enforce", "none"}).Draw(t, "mode")
	set.MTASTS.Off = rapid.IntRange(0, 9).Draw(t, "off") == 0
	e := &in.Evidence
	e.Records = Records{rapid.Bool().Draw(t, "spf"), rapid.Bool().Draw(t, "dmarc"), rapid.Bool().Draw(t, "sts"), rapid.Bool().Draw(t, "tlsa")}
	e.DNSSEC = rapid.SampledFrom([]dnsplan.DNSSEC{dnsplan.DNSSECSigned, dnsplan.DNSSECUnsigned, dnsplan.DNSSECUnknown}).Draw(t, "dnssec")
	e.NextKey = rapid.Bool().Draw(t, "next")
	e.Sources = rapid.SliceOfN(rapid.Custom(drawSource), 0, 4).Draw(t, "sources")
	e.TLS = tlsDays(rapid.IntRange(0, 20).Draw(t, "tls"), rapid.IntRange(0, 100).Draw(t, "ok"), rapid.IntRange(0, 2).Draw(t, "failed"))
	in.Steps = rapid.SliceOfN(rapid.Custom(drawStep), 0, 5).Draw(t, "steps")
	return in
}

func drawSource(t *rapid.T) Source {
	s := Source{
		ID:        rapid.SampledFrom([]string{"192.0.2.0/24", "sendgrid.net", "x.example"}).Draw(t, "id"),
		Service:   rapid.SampledFrom([]string{"", "sendgrid.net", "x.example"}).Draw(t, "service"),
		Selectors: rapid.SliceOfN(rapid.SampledFrom([]string{"mail", "s1"}), 0, 2).Draw(t, "selectors"),
		Disowned:  rapid.IntRange(0, 4).Draw(t, "disowned") == 0,
	}
	c := Count{Messages: rapid.IntRange(0, 200).Draw(t, "messages")}
	c.Aligned = rapid.IntRange(0, c.Messages).Draw(t, "aligned")
	if rapid.Bool().Draw(t, "nearly all") {
		c.Aligned = c.Messages - min(c.Messages, rapid.IntRange(0, 5).Draw(t, "few"))
	}
	c.SPF = rapid.IntRange(0, c.Aligned).Draw(t, "spf")
	c.Unlisted = rapid.IntRange(0, c.Aligned-c.SPF).Draw(t, "unlisted")
	c.Bare = rapid.IntRange(0, c.Messages-c.Aligned).Draw(t, "bare")
	s.Days = daysOf(rapid.IntRange(0, 30).Draw(t, "days"), rapid.IntRange(0, 20).Draw(t, "ago"), c)
	return s
}

func drawStep(t *rapid.T) Step {
	rungs := map[Kind][]string{DMARC: {"none", "quarantine", "reject"}, SPF: {"~all", "-all"}, MTASTS: {"testing", "enforce"}, TLSA: {"unpublished", "published"}}
	kind := rapid.SampledFrom([]Kind{DMARC, SPF, MTASTS, TLSA}).Draw(t, "kind")
	pick := rapid.SampledFrom(rungs[kind])
	return Step{Ladder: kind, From: pick.Draw(t, "from"), To: pick.Draw(t, "to"), At: now.AddDate(0, 0, -rapid.IntRange(0, 40).Draw(t, "when"))}
}

// Whatever the evidence: no step with less than 14 days or 98 %, none that
// leaves a rung out, the way back open.
func TestLaddersKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		for _, l := range Ladders(in) {
			checkLadder(t, in, l)
			if l.State == Offered && l.Watch != nil {
				t.Errorf("%s is offered while it is watched", l.Kind)
			}
			if last, ok := in.last(l.Kind); ok && l.State == Offered && l.Kind != TLSA && in.Now.Sub(last.At) < NeedDays*day {
				t.Errorf("%s is offered %s after the last step", l.Kind, in.Now.Sub(last.At))
			}
		}
	})
}

// A step up and the way back give the settings as they were, the id of the
// MTA-STS policy apart.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		for _, l := range Ladders(in) {
			up, err := Take(in, l.Kind, l.Next)
			if err != nil || l.Kind == TLSA {
				continue
			}
			there := in
			there.Settings = up
			there.Steps = append(there.Steps[:len(there.Steps):len(there.Steps)], Taken(l, l.Next, "anna@example.com", now))
			if stands, _ := Find(there, l.Kind); stands.State != Watching || stands.Rung != l.Next {
				t.Errorf("after the step %s is %s at %s", l.Kind, stands.State, stands.Rung)
			}
			back, err := Return(there, l.Kind)
			if err != nil {
				t.Fatal(err)
			}
			if rung(back, l.Kind) != l.Rung {
				t.Errorf("%s came back to %q, not %q", l.Kind, rung(back, l.Kind), l.Rung)
			}
		}
	})
}

func rung(s gomail.DomainSettings, kind Kind) string {
	l, _ := Find(Input{Settings: s, Now: now}, kind)
	return l.Rung
}
