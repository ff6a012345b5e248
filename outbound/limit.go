package outbound

import (
	"context"
	"log/slog"
	"time"

	"gomail"
)

// Limits bound what one account sends in an hour and in 24 hours, so that a
// stolen password does little harm. 0: no limit.
type Limits struct {
	MessagesHour, MessagesDay, RecipientsHour, RecipientsDay int
}

// Inherit stands in an account's own limits where the server's hold.
const Inherit = -1

// NoOwnLimits are those of an account for which the server's hold.
var NoOwnLimits = Limits{Inherit, Inherit, Inherit, Inherit}

// over returns l where own inherits, else own.
func (l Limits) over(own Limits) Limits {
	pick := func(own, server int) int {
		if own == Inherit {
			return server
		}
		return own
	}
	return Limits{
		pick(own.MessagesHour, l.MessagesHour), pick(own.MessagesDay, l.MessagesDay),
		pick(own.RecipientsHour, l.RecipientsHour), pick(own.RecipientsDay, l.RecipientsDay),
	}
}

// Span is the grain in which what was sent is counted: an hour is the current
// span and the five before it.
const Span = 10 * time.Minute

// Sent is what an account sent in one span.
type Sent struct {
	Start      time.Time
	Messages   int
	Recipients int
}

// Sending is an account's own limits, and what it has sent in the last 24
// hours, oldest first.
type Sending struct {
	Own     Limits
	Told    time.Time // when administrators were last told that it reached a limit
	Created time.Time // the account's
	Held    time.Time // since when it may not send at all; zero: it may
	HeldWhy string
	Sent    []Sent
}

// Count adds up what was sent within a window before now.
func (s Sending) Count(window time.Duration, now time.Time) (messages, recipients int) {
	for _, x := range s.Sent {
		if x.Start.After(now.Add(-window)) {
			messages += x.Messages
			recipients += x.Recipients
		}
	}
	return messages, recipients
}

// limit is one of the four.
type limit struct {
	most   int
	window time.Duration
	unit   string
	period string
	of     func(Sent) int
}

func (l Limits) all() []limit {
	messages, recipients := func(s Sent) int { return s.Messages }, func(s Sent) int { return s.Recipients }
	return []limit{
		{l.MessagesHour, time.Hour, "messages", "an hour", messages}, {l.MessagesDay, 24 * time.Hour, "messages", "a day", messages},
		{l.RecipientsHour, time.Hour, "recipients", "an hour", recipients}, {l.RecipientsDay, 24 * time.Hour, "recipients", "a day", recipients},
	}
}

// check says whether one more message with so many recipients may be sent now:
// Throttled when it has to wait, Refused when no waiting helps.
func (l Limits) check(s Sending, recipients int, now time.Time) error {
	for _, x := range l.all() {
		wanted := 1
		if x.unit == "recipients" {
			wanted = recipients
		}
		switch {
		case x.most <= 0:
		case wanted > x.most:
			return gomail.Errorf(gomail.Refused, "this account may send to %d recipients %s, and the message has more: send it to fewer, or ask your administrator for a higher limit", x.most, x.period)
		default:
			if free := x.free(s, wanted, now); free.After(now) {
				return gomail.Errorf(gomail.Throttled, "this account has reached its limit of %d %s %s: try again after %s, or ask your administrator for a higher limit",
					x.most, x.unit, x.period, free.UTC().Format("15:04 MST on 2 January"))
			}
		}
	}
	return nil
}

// free returns from when on so many more fit: now, or when enough of what was
// sent has left the window.
func (l limit) free(s Sending, wanted int, now time.Time) time.Time {
	var within []Sent
	total := wanted
	for _, x := range s.Sent {
		if x.Start.After(now.Add(-l.window)) {
			within = append(within, x)
			total += l.of(x)
		}
	}
	at := now
	for _, x := range within {
		if total <= l.most {
			break
		}
		total -= l.of(x)
		at = x.Start.Add(l.window)
	}
	return at
}

// LimitStore keeps limits and counts.
type LimitStore interface {
	// Sending returns an account's own limits and what it sent after a time.
	Sending(ctx context.Context, account gomail.AccountID, after time.Time) (Sending, error)

	// SetSendingLimits writes an account's own limits.
	SetSendingLimits(ctx context.Context, account gomail.AccountID, own Limits) error

	// SetSendingTold writes when administrators were told.
	SetSendingTold(ctx context.Context, account gomail.AccountID, at time.Time) error
}

// Limiter holds accounts to their limits.
type Limiter struct {
	Store  LimitStore
	Server Limits // those of accounts without their own

	// FirstDay are the server's for accounts younger than 24 hours, where they
	// are lower: nobody knows yet how much they send. Only those of an hour are
	// used.
	FirstDay Limits

	// Reached tells administrators that an account has reached a limit; nil:
	// nobody is told.
	Reached func(ctx context.Context, account gomail.AccountID, why string) error

	// Pressed is told each time an account is refused for a limit; nil: nobody
	// is.
	Pressed func(account gomail.AccountID)

	Clock  func() time.Time
	Logger *slog.Logger
}

// firstDay is how long an account is new.
const firstDay = 24 * time.Hour

// effective returns what holds for an account.
func (l *Limiter) effective(s Sending) Limits {
	server := l.Server
	if l.isNew(s) {
		server.MessagesHour, server.RecipientsHour = lower(server.MessagesHour, l.FirstDay.MessagesHour), lower(server.RecipientsHour, l.FirstDay.RecipientsHour)
	}
	return server.over(s.Own)
}

func (l *Limiter) isNew(s Sending) bool { return l.Clock().Before(s.Created.Add(firstDay)) }

// lower is the lower of two limits, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// check says whether an account may send one more message with so many
// recipients.
func (l *Limiter) check(s Sending, recipients int) error {
	if !s.Held.IsZero() {
		return gomail.Errorf(gomail.Throttled, "this account may not send since %s: %s; ask your administrator", s.Held.UTC().Format("15:04 MST on 2 January"), s.HeldWhy)
	}
	err := l.effective(s).check(s, recipients, l.Clock())
	if err != nil && l.isNew(s) && l.effective(s) != l.Server.over(s.Own) {
		return gomail.Errorf(gomail.KindOf(err), "%w (an account may send less on its first day)", err)
	}
	return err
}

// tellAgain is after how long administrators are told of an account again.
const tellAgain = 24 * time.Hour

// Sending returns what holds for an account, and what it has sent.
func (l *Limiter) Sending(ctx context.Context, account gomail.AccountID) (limits Limits, s Sending, err error) {
	s, err = l.Store.Sending(ctx, account, l.Clock().Add(-24*time.Hour))
	return l.effective(s), s, err
}

// SetLimits gives an account limits of its own.
func (l *Limiter) SetLimits(ctx context.Context, account gomail.AccountID, own Limits) error {
	for _, x := range own.all() {
		if x.most < Inherit || x.most > 1e9 {
			return gomail.Errorf(gomail.Invalid, "a limit of %d %s %s makes no sense: 0 is no limit, -1 the server's", x.most, x.unit, x.period)
		}
	}
	return l.Store.SetSendingLimits(ctx, account, own)
}

// Allowance is what an account may still send, as it was when a message began.
type Allowance struct {
	limiter *Limiter
	account gomail.AccountID
	sending Sending
}

// Allow says whether an account may send a message now.
func (l *Limiter) Allow(ctx context.Context, account gomail.AccountID) (Allowance, error) {
	if l == nil {
		return Allowance{}, nil
	}
	_, s, err := l.Sending(ctx, account)
	if err != nil {
		return Allowance{}, err
	}
	a := Allowance{l, account, s}
	return a, a.Recipients(ctx, 1)
}

// Recipients says whether the message may have so many recipients.
func (a Allowance) Recipients(ctx context.Context, n int) error {
	if a.limiter == nil {
		return nil
	}
	err := a.limiter.check(a.sending, n)
	if err != nil && a.sending.Held.IsZero() {
		a.limiter.tell(ctx, a.account, a.sending, err)
	}
	return err
}

// within returns what decides for good, as part of the commit that counts the
// message: several connections may have been allowed the same. nil: nothing
// limits it.
func (l *Limiter) within(account gomail.AccountID, recipients int) func(Sending) error {
	if l == nil || account == 0 {
		return nil
	}
	return func(s Sending) error { return l.check(s, recipients) }
}

// tell tells administrators once a day of an account that reached a limit.
func (l *Limiter) tell(ctx context.Context, account gomail.AccountID, s Sending, why error) {
	l.Logger.Warn("sending limit reached", slog.Int64("account", int64(account)), slog.String("reason", why.Error()))
	if l.Pressed != nil {
		l.Pressed(account)
	}
	now := l.Clock()
	if l.Reached == nil || gomail.KindOf(why) != gomail.Throttled || now.Sub(s.Told) < tellAgain {
		return
	}
	err := l.Store.SetSendingTold(ctx, account, now)
	if err == nil {
		err = l.Reached(ctx, account, why.Error())
	}
	if err != nil {
		l.Logger.Error("administrators could not be told of a sending limit", slog.Int64("account", int64(account)), slog.Any("error", err))
	}
}
