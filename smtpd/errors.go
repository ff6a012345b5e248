package smtpd

import (
	"errors"

	"gomail"
)

// stage is what the backend was asked when it failed.
type stage int

const (
	anyStage stage = iota
	atMail
	atRcpt
	atData
	atAuth
)

// outcome is the reply to one kind of error: code, enhanced code and, where
// the error's own text must not be shown, a text.
type outcome struct {
	code     int
	enhanced string
	text     string
}

// outcomeOf is the one table from kinds of error to replies. The stage
// matters where RFC 3463 has a code for the very address or message at fault.
func outcomeOf(k gomail.Kind, at stage) outcome {
	switch k {
	case gomail.Invalid:
		switch at {
		case atMail:
			return outcome{553, "5.1.7", ""}
		case atRcpt:
			return outcome{553, "5.1.3", ""}
		case atData:
			return outcome{550, "5.6.0", ""}
		case atAuth:
			return outcome{535, "5.7.8", ""}
		}
		return outcome{501, "5.5.4", ""}
	case gomail.NotFound, gomail.Exists:
		switch at {
		case atMail:
			return outcome{550, "5.1.8", ""}
		case atRcpt:
			return outcome{550, "5.1.1", ""}
		}
		return outcome{550, "5.7.1", ""}
	case gomail.Forbidden:
		if at == atMail {
			return outcome{553, "5.7.1", ""}
		}
		return outcome{550, "5.7.1", ""}
	case gomail.Unauthenticated:
		if at == atAuth {
			return outcome{535, "5.7.8", ""}
		}
		return outcome{530, "5.7.0", ""}
	case gomail.Throttled:
		if at == atAuth {
			return outcome{454, "4.7.0", ""}
		}
		return outcome{450, "4.7.0", ""}
	case gomail.Disabled:
		if at == atAuth {
			return outcome{535, "5.7.8", ""}
		}
		return outcome{550, "5.2.1", ""}
	case gomail.RelayDenied, gomail.Refused:
		return outcome{550, "5.7.1", ""}
	case gomail.OverQuota:
		return outcome{452, "4.2.2", ""}
	case gomail.TooLarge:
		return outcome{552, "5.3.4", ""}
	case gomail.TooMany:
		return outcome{452, "4.5.3", ""}
	case gomail.NoSpace:
		return outcome{452, "4.3.1", "the server has no room at the moment, try again later"}
	case gomail.Loop:
		return outcome{554, "5.4.6", ""}
	case gomail.Unavailable:
		if at == atAuth {
			return outcome{454, "4.7.0", ""}
		}
		return outcome{451, "4.3.0", ""}
	case gomail.Closed:
		return outcome{421, "4.3.2", "the server is shutting down, try again later"}
	}
	if at == atAuth {
		return outcome{454, "4.7.0", "internal error, try again later"}
	}
	return outcome{451, "4.3.0", "internal error, try again later"}
}

// replyFor turns a backend's error into a reply.
func replyFor(err error, at stage) reply {
	o := outcomeOf(gomail.KindOf(err), at)
	if o.text == "" {
		o.text = publicText(err)
	}
	return reply{code: o.code, enhanced: o.enhanced, text: o.text, close: o.code == 421}
}

// publicText returns the error's sentence. A temporary error that wraps a
// cause keeps it to the log: the cause may name files or hosts of ours.
func publicText(err error) string {
	var e *gomail.Error
	if !errors.As(err, &e) {
		return "internal error, try again later"
	}
	if e.Kind.Temporary() && errors.Unwrap(e.Err) != nil {
		return "temporary failure, try again later"
	}
	return e.Error()
}

// greetingFor is the reply instead of a banner: RFC 5321 section 3.1 knows
// only 554 there, and 421 for what may pass.
func greetingFor(err error) reply {
	r := replyFor(err, anyStage)
	if r.code < 500 {
		if gomail.KindOf(err) != gomail.Closed {
			r.enhanced = "4.7.0"
		}
		r.code = 421
	} else {
		r.code, r.enhanced = 554, "5.7.1"
	}
	r.close = true
	return r
}
