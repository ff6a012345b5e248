package ladder

import (
	"time"

	"gomail"
)

// Kind names a ladder.
type Kind string

// The ladders, in the order in which they are shown.
const (
	DMARC  Kind = "dmarc"   // none, quarantine, reject
	SPF    Kind = "spf"     // ~all, -all
	MTASTS Kind = "mta_sts" // testing, enforce
	TLSA   Kind = "tlsa"    // unpublished, published
)

// What a step takes.
const (
	NeedDays    = 14       // days with reports before a step, and days of watching after one
	NeedPercent = 98       // of the messages
	MaxAge      = 60 * day // reports that are older say nothing
)

// State is where a ladder stands.
type State string

// The states.
const (
	Offered  State = "offered"  // the next step can be taken
	Waiting  State = "waiting"  // for time to pass or reports to come
	Blocked  State = "blocked"  // until somebody does what Advice says
	Done     State = "done"     // there is no higher rung
	Watching State = "watching" // a step was taken, and its effect is looked at
)

// Input is all that is known about a domain.
type Input struct {
	Domain    string
	Settings  gomail.DomainSettings
	Selectors []string // of the domain's own DKIM keys: other signatures as the domain are services'
	Evidence  Evidence
	Steps     []Step // that were taken, in any order
	Now       time.Time
}

// Step is one that was taken, up or down.
type Step struct {
	Ladder Kind      `json:"ladder"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"` // who agreed: an administrator's address
}

// Ladder is one ladder of a domain.
type Ladder struct {
	Kind   Kind     `json:"ladder" enum:"dmarc,spf,mta_sts,tlsa"`
	Title  string   `json:"title"` // "DMARC policy"
	Rungs  []string `json:"rungs"` // from lax to strict
	Rung   string   `json:"rung"`  // where the domain stands
	Next   string   `json:"next" doc:"the rung above; empty: there is none"`
	State  State    `json:"state" enum:"offered,waiting,blocked,done,watching"`
	Proof  *Proof   `json:"proof" doc:"the evidence in numbers; null where none is needed"`
	Losses []Loss   `json:"losses" doc:"whose mail the next rung, or this one where there is none, treats as forged"`
	Causes []Cause  `json:"causes" doc:"why TLS failed, most often first"`
	Watch  *Watch   `json:"watch" doc:"of the last step; null: none is watched"`
	Back   *Back    `json:"back" doc:"null: this is the lowest rung"`
	Advice string   `json:"advice"` // one sentence: what to do next
}

// Proof is evidence in numbers.
type Proof struct {
	Days        int     `json:"days" doc:"with reports, of need_days"`
	NeedDays    int     `json:"need_days"`
	Messages    int     `json:"messages" doc:"or connections, for MTA-STS"`
	Passed      int     `json:"passed"`
	Failed      int     `json:"failed"`
	Percent     float64 `json:"percent" doc:"passed, rounded down to a tenth"`
	NeedPercent float64 `json:"need_percent"`
}

// Watch is the time after a step.
type Watch struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	Worse bool      `json:"worse"` // mail is lost that was not meant to be
}

// Back is the way back.
type Back struct {
	To      string `json:"to"`
	Advised bool   `json:"advised" doc:"the evidence says so: show it prominently"`
	Why     string `json:"why"` // one sentence: what going back does, or why it is advised
}

// Ladders returns where a domain stands on each ladder. A parked domain has
// none: its records are as strict as they can be.
func Ladders(in Input) []Ladder {
	if in.Settings.Parked {
		return []Ladder{}
	}
	return []Ladder{in.dmarc(), in.spf(), in.mtasts(), in.tlsa()}
}

// Find returns one ladder of a domain. NotFound: there is none of that name,
// or the domain is parked.
func Find(in Input, kind Kind) (Ladder, error) {
	for _, l := range Ladders(in) {
		if l.Kind == kind {
			return l, nil
		}
	}
	if in.Settings.Parked {
		return Ladder{}, gomail.Errorf(gomail.NotFound, "%s is parked, and its policies are as strict as they can be", in.Domain)
	}
	return Ladder{}, gomail.Errorf(gomail.NotFound, "there is no policy %q: use dmarc, spf, mta_sts or tlsa", kind)
}
