package gomail

import "strings"

// Flags is a set of IMAP system flags, RFC 9051 section 2.3.2. Keywords are
// kept beside it as strings.
type Flags uint32

// The system flags. \Recent is not kept: RFC 9051 has retired it.
const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagFlagged
	FlagDeleted
	FlagDraft
)

// SystemFlags are the flags in the order in which they are listed.
var SystemFlags = []struct {
	Flag Flags
	Name string // as on the wire
}{
	{FlagAnswered, `\Answered`}, {FlagFlagged, `\Flagged`}, {FlagDeleted, `\Deleted`},
	{FlagSeen, `\Seen`}, {FlagDraft, `\Draft`},
}

// ParseFlag returns the system flag of a name such as `\Seen`, in any case.
func ParseFlag(name string) (Flags, bool) {
	for _, f := range SystemFlags {
		if strings.EqualFold(f.Name, name) {
			return f.Flag, true
		}
	}
	return 0, false
}

// Has reports whether all flags of g are in f.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Names returns the flags' names as on the wire.
func (f Flags) Names() []string {
	var names []string
	for _, s := range SystemFlags {
		if f.Has(s.Flag) {
			names = append(names, s.Name)
		}
	}
	return names
}
