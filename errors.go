package gomail

import (
	"errors"
	"fmt"
)

// Kind classes an error by what the other side can do about it. Services
// return errors with a kind; each protocol maps kinds to its own codes in one
// table at its edge (SMTP replies, IMAP response codes, HTTP status).
type Kind int

const (
	// None is no error.
	None Kind = iota
	// Internal is a fault of ours that nobody outside can mend. It is the
	// kind of every error that carries none.
	Internal
	// Invalid is input that breaks a rule of syntax or sense.
	Invalid
	// NotFound names something that does not exist.
	NotFound
	// Exists names something that is there already.
	Exists
	// Forbidden is an act the authenticated session has no right to.
	Forbidden
	// Unauthenticated is a missing or wrong credential.
	Unauthenticated
	// Throttled asks the caller to come back later because it did too much.
	Throttled
	// Disabled names an account or a domain that is switched off.
	Disabled
	// RelayDenied is a recipient that is not ours, from a client that may
	// not send through us.
	RelayDenied
	// OverQuota is an account that has no room for more.
	OverQuota
	// TooLarge is a message or a value over a fixed limit.
	TooLarge
	// TooMany is a count over a fixed limit.
	TooMany
	// NoSpace is a store that has run out of disk; it may recover.
	NoSpace
	// Refused is a message that policy turns away for good.
	Refused
	// Loop is a message that has been here too often.
	Loop
	// Unavailable is a temporary fault: the same request may succeed later.
	Unavailable
	// Closed is a component that is shutting down or has failed for good.
	Closed
	// Corrupt is stored data that does not match its own checksum or form.
	Corrupt
)

var kindNames = [...]string{
	None: "none", Internal: "internal", Invalid: "invalid", NotFound: "not found", Exists: "exists",
	Forbidden: "forbidden", Unauthenticated: "unauthenticated", Throttled: "throttled",
	Disabled: "disabled", RelayDenied: "relay denied", OverQuota: "over quota",
	TooLarge: "too large", TooMany: "too many", NoSpace: "no space", Refused: "refused",
	Loop: "loop", Unavailable: "unavailable", Closed: "closed", Corrupt: "corrupt",
}

// String returns the kind's name in lower case, for logs and metrics.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Temporary reports whether the same request may succeed later without
// anybody changing it.
func (k Kind) Temporary() bool {
	switch k {
	case Internal, Throttled, OverQuota, NoSpace, Unavailable, Closed:
		return true
	}
	return false
}

// Error is an error with a kind. Its text is a sentence for people: what
// failed, why, and what to do.
type Error struct {
	Kind Kind
	Err  error // the sentence, wrapping its cause where there is one
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that carries the sentence, and so its causes.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind; format and args are those of fmt.Errorf,
// %w included.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost Error in err's tree, Internal when
// there is none, and None for no error.
func KindOf(err error) Kind {
	if err == nil {
		return None
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
