package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"

	"gomail"
	"gomail/outbound"
	"gomail/web/api"
)

// newLimiter returns what holds accounts to their sending limits.
func (s *services) newLimiter() *outbound.Limiter {
	c := s.config.Submission
	return &outbound.Limiter{
		Store: s.store, Clock: time.Now, Logger: s.log, Reached: s.limitReached, Pressed: s.pressed,
		FirstDay: outbound.Limits{MessagesHour: c.FirstDayMessagesPerHour, RecipientsHour: c.FirstDayRecipientsPerHour},
		Server:   outbound.Limits{MessagesHour: c.MessagesPerHour, MessagesDay: c.MessagesPerDay, RecipientsHour: c.RecipientsPerHour, RecipientsDay: c.RecipientsPerDay},
	}
}

// limitReached tells the administrators of an account's domain that it has
// reached a sending limit: a stolen password may be why.
func (s *services) limitReached(ctx context.Context, id gomail.AccountID, why string) error {
	account, err := s.accounts.Get(ctx, id)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("The account %s was not let send any more:\n\n  %s\n\n"+
		"If its owner sends that much, give it a higher limit:\n\n  gomail account set %[1]s --messages-per-hour 5000\n\n"+
		"If not, somebody else may know the password. Give it another one, and look at what waits:\n\n  gomail account passwd %[1]s\n  gomail queue list\n\n"+
		"This is told once a day.\n", account.Address, why)
	return s.tellAdministrators(ctx, account.Address.Domain, "The account "+account.Address.String()+" has reached its sending limit", text)
}

// limitFlags are an account's own sending limits.
type limitFlags struct {
	MessagesPerHour   string `help:"How many messages it may send in an hour; 0: any number, default: as the server says." placeholder:"N"`
	MessagesPerDay    string `help:"The same in 24 hours." placeholder:"N"`
	RecipientsPerHour string `help:"How many recipients its messages may have in an hour." placeholder:"N"`
	RecipientsPerDay  string `help:"The same in 24 hours." placeholder:"N"`
}

// given reports whether one of the flags was.
func (f limitFlags) given() bool { return f != limitFlags{} }

// Validate reads the numbers.
func (f limitFlags) Validate() error {
	_, err := f.over(api.AccountSending{})
	return err
}

// over returns an account's own limits with those that were given in place.
func (f limitFlags) over(now api.AccountSending) (l api.SendingLimits, err error) {
	for _, x := range []struct {
		text string
		now  api.SendingLimit
		to   **int
	}{
		{f.MessagesPerHour, now.MessagesPerHour, &l.MessagesPerHour}, {f.MessagesPerDay, now.MessagesPerDay, &l.MessagesPerDay},
		{f.RecipientsPerHour, now.RecipientsPerHour, &l.RecipientsPerHour}, {f.RecipientsPerDay, now.RecipientsPerDay, &l.RecipientsPerDay},
	} {
		switch {
		case x.text == "default":
		case x.text == "" && x.now.Own:
			*x.to = new(x.now.Limit)
		case x.text == "":
		default:
			n, err := strconv.Atoi(x.text)
			if err != nil || n < 0 {
				return l, gomail.Errorf(gomail.Invalid, "%q is not a limit: give a number, 0 for any number, or default for the server's", x.text)
			}
			*x.to = new(n)
		}
	}
	return l, nil
}

// set writes those that were given.
func (f limitFlags) set(a *app, account oneAccount) error {
	if !f.given() {
		return nil
	}
	path := account.path() + "/sending"
	now, err := get[api.AccountSending](a, path)
	if err != nil {
		return err
	}
	limits, err := f.over(now)
	if err != nil {
		return err
	}
	_, err = send[api.AccountSending](a, http.MethodPut, path, limits)
	return err
}

// describeSending shows what an account has sent of what it may send.
func describeSending(w *tabwriter.Writer, s api.AccountSending) {
	of := func(x api.SendingLimit) string {
		most := "any number"
		if x.Limit > 0 {
			most = strconv.Itoa(x.Limit)
		}
		return fmt.Sprintf("%d of %s%s", x.Used, most, yesNo(x.Own, " (its own limit)", ""))
	}
	if s.Held != nil {
		row(w, "Held", "it may not send since "+s.Held.Local().Format(time.DateTime)+": "+s.HeldWhy)
	}
	row(w, "Sent in an hour", of(s.MessagesPerHour)+" messages, "+of(s.RecipientsPerHour)+" recipients")
	row(w, "Sent in 24 hours", of(s.MessagesPerDay)+" messages, "+of(s.RecipientsPerDay)+" recipients")
}
