package mailbox

import (
	"strings"

	"gomail"
)

// Rights are what an account may do with a mailbox, RFC 4314 section 2.1.
type Rights uint16

// The rights, in the order in which they are written.
const (
	Lookup     Rights = 1 << iota // l: it is listed
	Read                          // r: it may be opened
	Seen                          // s: \Seen may be changed
	Write                         // w: flags other than \Seen and \Deleted may be changed
	Insert                        // i: messages may be put into it
	Post                          // p: mail may be sent to it; nothing goes by it here
	CreateIn                      // k: mailboxes may be made below it
	DeleteBox                     // x: it may be deleted and renamed
	DeleteMail                    // t: \Deleted may be changed
	ExpungeBox                    // e: what is marked \Deleted may be removed
	Administer                    // a: the rights may be seen and changed

	AllRights = Administer<<1 - 1

	// knowing are the rights by any of which one may know of a mailbox.
	knowing = Lookup | Read | Insert | CreateIn | DeleteBox | Administer
)

const rightLetters = "lrswipkxtea"

// Members of the rights of RFC 2086 that RFC 4314 section 2.1.1 keeps for old
// clients.
const (
	oldCreate = CreateIn | DeleteBox    // c
	oldDelete = DeleteMail | ExpungeBox // d
)

// ParseRights reads letters such as "lrswi"; c and d stand for their members.
// Invalid for any other letter.
func ParseRights(letters string) (Rights, error) {
	var r Rights
	for _, c := range letters {
		switch i := strings.IndexRune(rightLetters, c); {
		case i >= 0:
			r |= 1 << i
		case c == 'c':
			r |= oldCreate
		case c == 'd':
			r |= oldDelete
		case 'A' <= c && c <= 'Z':
			return 0, gomail.Errorf(gomail.Invalid, "rights are written in lower case, and not as %q", c)
		default:
			return 0, gomail.Errorf(gomail.Invalid, "there is no right %q: use letters of %s", c, rightLetters)
		}
	}
	return r, nil
}

// String writes the rights without the old ones, as they are stored: "lrs".
func (r Rights) String() string {
	var b strings.Builder
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			b.WriteByte(rightLetters[i])
		}
	}
	return b.String()
}

// Wire writes the rights as clients read them: with c and d where any of their
// members is there.
func (r Rights) Wire() string {
	s := r.String()
	if r&oldCreate != 0 {
		s += "c"
	}
	if r&oldDelete != 0 {
		s += "d"
	}
	return s
}

// Has reports whether all of q are in r.
func (r Rights) Has(q Rights) bool { return r&q == q }

// Flags returns the flags that the rights let one change.
func (r Rights) Flags() gomail.Flags {
	var f gomail.Flags
	if r.Has(Seen) {
		f |= gomail.FlagSeen
	}
	if r.Has(DeleteMail) {
		f |= gomail.FlagDeleted
	}
	if r.Has(Write) {
		f |= gomail.FlagAnswered | gomail.FlagFlagged | gomail.FlagDraft
	}
	return f
}

// Writes reports whether anything in the mailbox may be changed, RFC 4314
// section 5.2.
func (r Rights) Writes() bool { return r&(Insert|ExpungeBox|Seen|Write|DeleteMail) != 0 }

// Keep returns what of a message's flags and keywords comes along when it is
// put into a mailbox with these rights, RFC 4314 section 4.
func (r Rights) Keep(flags gomail.Flags, keywords string) (gomail.Flags, string) {
	if !r.Has(Write) {
		keywords = ""
	}
	return flags & r.Flags(), keywords
}

// RightsChange is what SETACL asks for.
type RightsChange struct {
	Op     FlagOp // RemoveFlags takes away, AddFlags adds, ReplaceFlags sets
	Rights Rights
}

// ParseRightsChange reads the modification of SETACL, RFC 4314 section 3.1:
// "+lr", "-w", or "lrs". Invalid for what is none.
func ParseRightsChange(s string) (RightsChange, error) {
	c := RightsChange{Op: ReplaceFlags}
	switch {
	case strings.HasPrefix(s, "+"):
		c.Op, s = AddFlags, s[1:]
	case strings.HasPrefix(s, "-"):
		c.Op, s = RemoveFlags, s[1:]
	}
	r, err := ParseRights(s)
	c.Rights = r
	return c, err
}

// Apply returns the rights after the change.
func (c RightsChange) Apply(r Rights) Rights {
	switch c.Op {
	case AddFlags:
		return r | c.Rights
	case RemoveFlags:
		return r &^ c.Rights
	}
	return c.Rights
}

// Grant is an entry of a mailbox's list of rights.
type Grant struct {
	Account  gomail.AccountID // 0: anyone
	Address  gomail.Address   // the account's main address; zero: anyone
	Negative bool             // the rights are taken from what other entries give
	Rights   Rights
}

// Anyone is the identifier of all accounts whose main address is in the domain
// of the owner's.
const Anyone = "anyone"

// Identifier writes whom the grant is for: "anna@example.com", "anyone", with
// a hyphen before it when the rights are taken away.
func (g Grant) Identifier() string {
	name := Anyone
	if g.Account != 0 {
		name = g.Address.String()
	}
	if g.Negative {
		return "-" + name
	}
	return name
}

// sum returns what grants, which all are for one account, come to.
func sum(grants []Grant) Rights {
	var given, taken Rights
	for _, g := range grants {
		if g.Negative {
			taken |= g.Rights
		} else {
			given |= g.Rights
		}
	}
	return given &^ taken
}
