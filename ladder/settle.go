package ladder

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// view is what is particular to a ladder; settle makes the rest of it.
type view struct {
	kind     Kind
	title    string
	record   string // what it is called: "DMARC record"
	rungs    []string
	rung     string
	seen     bool   // the present rung's record was seen as it should be
	obstacle string // what has to be done before the next rung makes sense, a sentence; empty: nothing
	patience string // why there is nothing to do but wait, a sentence; empty: nothing
	proof    *Proof
	losses   []Loss
	causes   []Cause
	offer    string // a sentence that says what the next step does
	lacking  string // a sentence: what to do when too little passes
	nothing  string // a sentence: what to say at the top
	worse    string // a sentence: why to go back; empty: the evidence does not say so
	descent  string // a sentence: what going back does
}

// settle decides a ladder's state.
func (in Input) settle(v view) Ladder {
	l := Ladder{Kind: v.kind, Title: v.title, Rungs: v.rungs, Rung: v.rung, Proof: v.proof, Losses: v.losses}
	if l.Losses == nil {
		l.Losses = []Loss{}
	}
	l.Causes = append([]Cause{}, v.causes...)
	at := slices.Index(v.rungs, v.rung)
	if at+1 < len(v.rungs) {
		l.Next = v.rungs[at+1]
	}
	if at > 0 {
		l.Back = &Back{To: v.rungs[at-1], Advised: v.worse != "", Why: v.descent}
		if l.Back.Advised {
			l.Back.Why = v.worse
		}
	}
	l.Watch = in.watch(v)
	l.State, l.Advice = in.decide(v, l)
	return l
}

// decide says where a ladder stands and what to do next.
func (in Input) decide(v view, l Ladder) (State, string) {
	switch {
	case l.Watch != nil && l.Watch.Worse:
		return Watching, v.worse
	case l.Watch != nil && !v.seen:
		return Watching, fmt.Sprintf("The %s for %s is not seen in the DNS yet: publish it, and it is watched from then on.", v.record, v.rung)
	case l.Watch != nil:
		return Watching, fmt.Sprintf("The step to %s is watched until %s: nothing is to be done.", v.rung, date(l.Watch.Until))
	case l.Back != nil && l.Back.Advised:
		return Blocked, v.worse
	case l.Next == "" && !v.seen:
		return Done, fmt.Sprintf("The strictest setting is chosen, but the %s is not seen in the DNS as it should be: mend it.", v.record)
	case l.Next == "":
		return Done, v.nothing
	case v.obstacle != "":
		return Blocked, v.obstacle
	case v.patience != "":
		return Waiting, v.patience
	case !v.seen:
		return Blocked, fmt.Sprintf("The %s is not seen in the DNS as it should be: mend it first, since a step from there would rest on nothing.", v.record)
	case v.proof != nil && v.proof.Days < v.proof.NeedDays:
		return Waiting, fmt.Sprintf("Reports cover %d of the %d days that are needed: nothing is to be done but to wait.", v.proof.Days, v.proof.NeedDays)
	case v.proof != nil && v.proof.Messages == 0:
		return Waiting, "No report tells of mail of yours yet: nothing is to be done but to wait."
	case v.proof != nil && !v.proof.enough(), slices.ContainsFunc(v.losses, func(l Loss) bool { return l.Blocks }):
		return Blocked, v.lacking
	}
	return Offered, v.offer
}

// watch is the time after the last step up to the present rung.
func (in Input) watch(v view) *Watch {
	last, ok := in.last(v.kind)
	if !ok || last.To != v.rung || slices.Index(v.rungs, last.From) > slices.Index(v.rungs, last.To) {
		return nil
	}
	w := Watch{Since: last.At, Until: last.At.Add(NeedDays * day), Worse: v.worse != ""}
	if !in.Now.Before(w.Until) {
		return nil
	}
	return &w
}

// last returns the last step on a ladder.
func (in Input) last(kind Kind) (last Step, found bool) {
	for _, s := range in.Steps {
		if s.Ladder == kind && (!found || s.At.After(last.At)) {
			last, found = s, true
		}
	}
	return last, found
}

// since is from when on evidence counts: the day after the last step, in
// whose course the old record was still in caches.
func (in Input) since(kind Kind) time.Time {
	last, ok := in.last(kind)
	if !ok {
		return time.Time{}
	}
	return midnight(last.At).Add(day)
}

// newProof counts what passed and what did not.
func newProof(w window, passed, failed int) *Proof {
	p := Proof{Days: len(w.days), NeedDays: NeedDays, Messages: passed + failed, Passed: passed, Failed: failed, NeedPercent: NeedPercent}
	if p.Messages > 0 {
		// Rounded down: 97.96 % must not look like 98 %.
		p.Percent = math.Floor(1000*float64(passed)/float64(p.Messages)) / 10
	}
	return &p
}

// enough reports whether as much passed as a step needs.
func (p Proof) enough() bool {
	return p.Messages > 0 && int64(p.Passed)*100 >= int64(p.Messages)*NeedPercent
}

func date(t time.Time) string { return t.UTC().Format("2 January 2006") }

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
