package smtpd

import (
	"strconv"
	"strings"
	"time"

	"gomail"
)

// hold reads HOLDFOR or HOLDUNTIL, RFC 4865 section 3: one of them, within what
// the server offers.
func (c *conn) hold(p param, opts *MailOptions) (refusal reply, ok bool) {
	if !opts.Release.IsZero() {
		return badArgument("HOLDFOR and HOLDUNTIL exclude each other"), false
	}
	now := c.cfg.Clock()
	release, valid := parseHold(p, now)
	switch {
	case !valid:
		return badArgument("the value of " + p.key + " is not valid"), false
	case release.Before(now.Truncate(time.Second)):
		return badArgument("the time of " + p.key + " has passed"), false
	case release.After(now.Add(c.cfg.MaxHold)):
		return badArgument("a message is held for " + strconv.Itoa(int(c.cfg.MaxHold/time.Second)) + " seconds at most"), false
	}
	opts.Release = release
	return reply{}, true
}

// parseHold returns when a message is to be released. An interval is one to
// nine digits without a zero in front; a date-time is RFC 3339's.
func parseHold(p param, now time.Time) (time.Time, bool) {
	if p.key == "HOLDUNTIL" {
		at, err := time.Parse(time.RFC3339, strings.ToUpper(p.value))
		return at.UTC(), err == nil && len(p.value) <= 40 && !strings.Contains(p.value, ",")
	}
	if p.value == "" || len(p.value) > 9 || p.value[0] == '0' || strings.Trim(p.value, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(p.value)
	return now.Add(time.Duration(n) * time.Second), err == nil
}

// parseBy reads BY, RFC 2852 section 4: seconds, a mode, and T for trace. Mode R
// demands that there is time left.
func parseBy(s string, now time.Time) (gomail.DeliverBy, bool) {
	seconds, mode, ok := strings.Cut(s, ";")
	digits := strings.TrimLeft(seconds, "+-")
	if !ok || digits == "" || len(digits) > 9 || len(seconds)-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
		return gomail.DeliverBy{}, false
	}
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return gomail.DeliverBy{}, false
	}
	by := gomail.DeliverBy{Deadline: now.Add(time.Duration(n) * time.Second)}
	switch strings.ToUpper(mode) {
	case "N":
	case "NT":
		by.Trace = true
	case "R":
		by.Return = true
	case "RT":
		by.Return, by.Trace = true, true
	default:
		return gomail.DeliverBy{}, false
	}
	return by, !by.Return || n > 0
}
