package ladder

import (
	"slices"
	"time"

	"gomail"
)

// Take returns a domain's settings after the step to the next rung of a
// ladder. It refuses, as Invalid, every step that is not offered, one that
// leaves a rung out included; NotFound is a ladder that does not exist.
//
// TLSA's setting says whether the records are planned; the step is done when
// they are seen.
func Take(in Input, kind Kind, to string) (gomail.DomainSettings, error) {
	l, err := Find(in, kind)
	switch {
	case err != nil:
		return in.Settings, err
	case !slices.Contains(l.Rungs, to):
		return in.Settings, gomail.Errorf(gomail.Invalid, "%s has no step %q", l.Title, to)
	case l.State != Offered:
		return in.Settings, gomail.Errorf(gomail.Invalid, "the step to %s is not offered now. %s", to, l.Advice)
	case l.Next != to:
		return in.Settings, gomail.Errorf(gomail.Invalid, "the next step is to %s, and none is left out on the way to %s", l.Next, to)
	}
	return apply(in.Settings, kind, to), nil
}

// Return returns a domain's settings after the step back to the rung below.
// It is always possible; Invalid says that there is no rung below.
func Return(in Input, kind Kind) (gomail.DomainSettings, error) {
	l, err := Find(in, kind)
	if err != nil {
		return in.Settings, err
	}
	if l.Back == nil {
		return in.Settings, gomail.Errorf(gomail.Invalid, "there is no way back from %s: it is the first step", l.Rung)
	}
	return apply(in.Settings, kind, l.Back.To), nil
}

// Taken is the step from a ladder's present rung to another, for the history.
func Taken(l Ladder, to, actor string, at time.Time) Step {
	return Step{Ladder: l.Kind, From: l.Rung, To: to, At: at, Actor: actor}
}

// apply sets a rung.
func apply(s gomail.DomainSettings, kind Kind, to string) gomail.DomainSettings {
	switch kind {
	case DMARC:
		s.DMARC.Policy = to
	case SPF:
		s.SPF.All = to
	case MTASTS:
		s.MTASTS.Mode = to
		// An id of the owner's would stay the same, and senders would go on
		// using the old policy (RFC 8461 section 3.1).
		s.MTASTS.PolicyID = ""
	case TLSA:
		s.TLSA.Off = to == "unpublished"
	}
	return s
}
