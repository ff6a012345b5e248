package bounces

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gomail"
)

// terms are for how long an address is suppressed: the first time, the second
// and from then on. People mistype, and mailboxes come back.
var terms = [...]time.Duration{7 * 24 * time.Hour, 30 * 24 * time.Hour, 180 * 24 * time.Hour}

// complaintTerm is for how long somebody who complained gets no bulk mail.
const complaintTerm = 5 * 365 * 24 * time.Hour

// forgetAfter is how long after its end a suppression makes the next one
// longer.
const forgetAfter = 365 * 24 * time.Hour

// extend says what is kept of a suppression that is told (again). It grows
// longer only when mail was sent after the one before had ended: what was under
// way all comes back at once.
func extend(old *Suppression, told Suppression) Suppression {
	next := told
	next.First, next.Count, next.Step = told.Last, 1, 1
	if old != nil && told.Last.Before(old.Until.Add(forgetAfter)) {
		next.First, next.Count, next.Step = old.First, old.Count+1, old.Step
		if !told.Last.Before(old.Until) {
			next.Step++
		}
	}
	term := terms[min(next.Step, len(terms))-1]
	if next.Why == Complained {
		term = complaintTerm
	}
	next.Until = told.Last.Add(term)
	if old != nil && next.Step == old.Step && old.Until.After(told.Last) {
		next.Until = old.Until // told again of the same
	}
	return next
}

// Check says whether mail of an account may go to an address. bulk is mail to
// many, such as newsletters and lists.
func (s *Service) Check(ctx context.Context, account gomail.AccountID, to gomail.Address, bulk bool) error {
	if account == 0 || s.config.Off {
		return nil
	}
	found, err := s.config.Store.Suppressed(ctx, account, to, s.config.Clock())
	if err != nil {
		return err
	}
	for _, x := range found {
		switch {
		case x.Why == Bounced:
			return gomail.Errorf(gomail.NotFound, "%s", x.refusal())
		case x.Why == Complained && bulk:
			return gomail.Errorf(gomail.Refused, "%s complained on %s about a message from you, so that no bulk mail is sent there: take the address off the list",
				to, x.Last.UTC().Format(dayForm))
		}
	}
	return nil
}

const dayForm = "2 January 2006"

// refusal tells the sender, in the reply to RCPT, what is so and what to do.
func (x Suppression) refusal() string {
	told := "when we sent there"
	if x.Returned {
		told = "in a bounce"
	}
	said := strings.TrimSpace(x.Diagnostic)
	if len(said) > 160 {
		said = strings.ToValidUTF8(said[:160], "") + "..."
	}
	if said != "" {
		said = " (" + said + ")"
	}
	return fmt.Sprintf("mail to %s is not sent until %s: on %s its server said %s that there is no such mailbox%s. Check the address; if it is right, ask your administrator to clear it with gomail suppress clear",
		x.Address, x.Until.UTC().Format(dayForm), x.Last.UTC().Format(dayForm), told, said)
}

// Suppressions lists an account's, in the order of their addresses.
func (s *Service) Suppressions(ctx context.Context, account gomail.AccountID, after string, limit int) ([]Suppression, error) {
	return s.config.Store.Suppressions(ctx, account, after, limit)
}

// Clear lets an account send to an address again; the null address: to all.
// NotFound when nothing was suppressed.
func (s *Service) Clear(ctx context.Context, account gomail.AccountID, to gomail.Address) (int, error) {
	s.forgetFailures(account, to)
	n, err := s.config.Store.ClearSuppressions(ctx, account, to)
	if err == nil && n == 0 && !to.IsNull() {
		err = gomail.Errorf(gomail.NotFound, "mail of this account to %s is not suppressed: gomail suppress list shows what is", to)
	}
	return n, err
}
