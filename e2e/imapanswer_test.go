package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// answer is what an IMAP server said to one command, without what two servers
// may say differently: the order of lines that tell of different things, of
// flags and of FETCH items; how a string and a date are written; wording and
// response codes that give the kind of a failure; UIDVALIDITY and MODSEQ; what
// is told unasked (UID in FETCH, \HasChildren and the special use in an extended
// LIST or in LSUB, MAILBOXID); and \Recent, which IMAP4rev2 retired.
type answer struct {
	command  string
	untagged []string
	expunged []int  // by the numbers before the command
	status   string // "OK", "NO", "BAD", "+", "BYE" or "<end>"
	code     string // the response code of the tagged line
}

// lines tells the answer, the tagged line last.
func (a *answer) lines() []string {
	lines := slices.Clone(a.untagged)
	slices.Sort(lines)
	if len(a.expunged) > 0 {
		slices.Sort(a.expunged)
		lines = append(lines, fmt.Sprint("EXPUNGE of ", a.expunged))
	}
	return append(lines, strings.TrimSpace(a.status+" "+a.code))
}

// expunge notes an EXPUNGE, whose number counts without those before it.
func (a *answer) expunge(n int) {
	slices.Sort(a.expunged)
	for _, gone := range a.expunged {
		if gone <= n {
			n++
		}
	}
	a.expunged = append(a.expunged, n)
}

// capabilityLine stands before each capability.
const capabilityLine = "CAPABILITY "

var statusLine = regexp.MustCompile(`^(OK|NO|BAD|BYE|PREAUTH)\b ?(?s:(\[.*?\]) ?)?`)

// add takes a response without its tag or "* ".
func (a *answer) add(text string) {
	if m := statusLine.FindStringSubmatch(text); m != nil {
		if code := normalCode(m[2]); code != "" || m[1] != "OK" {
			a.untagged = append(a.untagged, strings.TrimSpace(m[1]+" "+code))
		}
		return
	}
	words := parseTokens(text)
	if len(words) == 2 && strings.EqualFold(words[1].atom, "EXPUNGE") {
		n, _ := strconv.Atoi(words[0].atom)
		a.expunge(n)
		return
	}
	if len(words) > 0 && strings.EqualFold(words[0].atom, "CAPABILITY") {
		for _, name := range words[1:] {
			a.untagged = append(a.untagged, capabilityLine+name.String())
		}
		return
	}
	if line := a.normalData(words); line != "" {
		a.untagged = append(a.untagged, line)
	}
}

// end takes the tagged response.
func (a *answer) end(text string) {
	m := statusLine.FindStringSubmatch(text)
	if m == nil {
		a.status = text
		return
	}
	a.status, a.code = m[1], normalCode(m[2])
}

var (
	modSeqs  = regexp.MustCompile(`(?i)\b(HIGHESTMODSEQ|MODSEQ) \(?[0-9]+\)?`)
	validity = regexp.MustCompile(`(?i)\b(UIDVALIDITY|APPENDUID|COPYUID) [0-9]+`)
	objects  = regexp.MustCompile(`(?i)\b(MAILBOXID|EMAILID|THREADID) \([^)]+\)`)
)

// mask takes out the numbers that are a server's own.
func mask(text string) string {
	text = modSeqs.ReplaceAllString(text, "$1 <n>")
	text = validity.ReplaceAllString(text, "$1 <n>")
	return objects.ReplaceAllString(text, "$1 <id>")
}

// normalCode is a response code; "" for those that say nothing to compare.
func normalCode(code string) string {
	inner := strings.TrimSuffix(strings.TrimPrefix(code, "["), "]")
	name, _, _ := strings.Cut(inner, " ")
	switch strings.ToUpper(name) {
	case "BADCHARSET", "CLOSED", "NOMODSEQ", "READ-ONLY", "READ-WRITE", "TRYCREATE":
		return "[" + strings.ToUpper(name) + "]"
	case "PERMANENTFLAGS":
		words := parseTokens(inner)
		return "[" + words[0].atom + " " + words[1].sorted().String() + "]"
	case "APPENDUID", "COPYUID", "MODIFIED", "NOTSAVED", "UIDNEXT", "UIDVALIDITY", "UNSEEN":
		return mask("[" + inner + "]")
	}
	return ""
}

// token is an atom, a string or a list.
type token struct {
	atom   string
	text   string
	isText bool
	list   []token
	isList bool
}

// String writes a token in one way: a string that would do as an atom is one.
func (t token) String() string {
	switch {
	case t.isList:
		return "(" + joinTokens(t.list) + ")"
	case t.isText && plainAtom.MatchString(t.text) && !strings.EqualFold(t.text, "NIL"):
		return t.text
	case t.isText:
		return strconv.Quote(t.text)
	}
	return t.atom
}

var plainAtom = regexp.MustCompile(`^[A-Za-z0-9.<>@/_+=-]+$`)

func joinTokens(tokens []token) string {
	var words []string
	for _, t := range tokens {
		words = append(words, t.String())
	}
	return strings.Join(words, " ")
}

// sorted returns the list with its members in order.
func (t token) sorted() token {
	list := slices.DeleteFunc(slices.Clone(t.list), func(t token) bool { return strings.EqualFold(t.atom, `\Recent`) })
	slices.SortFunc(list, func(a, b token) int { return strings.Compare(a.String(), b.String()) })
	return token{list: list, isList: true}
}

// pairs returns the list with its names and values in the order of the names.
func (t token) pairs() token {
	var pairs [][]token
	for p := range slices.Chunk(t.list, 2) {
		p[0].atom = strings.ReplaceAll(strings.ToUpper(p[0].atom), `"`, "")
		switch {
		case len(p) == 2 && p[0].atom == "FLAGS":
			p[1] = p[1].sorted()
		case len(p) == 2 && p[0].atom == "INTERNALDATE":
			p[1].text = strings.Replace(p[1].text, " ", "0", len(p[1].text)-len(strings.TrimLeft(p[1].text, " ")))
		}
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b []token) int { return strings.Compare(a[0].atom, b[0].atom) })
	return token{list: slices.Concat(pairs...), isList: true}
}

// normalData is an untagged response that carries data; "" for what is not
// compared.
func (a *answer) normalData(words []token) string {
	if len(words) == 0 {
		return ""
	}
	kind := strings.ToUpper(words[0].atom)
	if len(words) > 1 && numeral.MatchString(kind) {
		kind = strings.ToUpper(words[1].atom)
	}
	switch kind {
	case "RECENT":
		return ""
	case "FETCH":
		words[2] = words[2].pairs()
		if !strings.Contains(strings.ToUpper(a.command), "UID") {
			words[2].list = without(words[2].list, "UID", 2)
		}
	case "STATUS":
		words[2] = words[2].pairs()
	case "FLAGS":
		words[1] = words[1].sorted()
	case "LIST", "LSUB":
		words[1] = a.mailboxFlags(words[1])
	case "ENABLED":
		words = token{list: words}.sorted().list
	case "ESEARCH":
		words = slices.DeleteFunc(words, func(t token) bool { return t.isList })
	}
	return mask(joinTokens(words))
}

var numeral = regexp.MustCompile(`^[0-9]+$`)

// without returns a list without a name and what belongs to it.
func without(list []token, name string, n int) []token {
	i := slices.IndexFunc(list, func(t token) bool { return t.atom == name })
	if i < 0 {
		return list
	}
	return slices.Delete(list, i, min(i+n, len(list)))
}

var (
	extendedList = regexp.MustCompile(`(?i)^list (\(|.*\breturn\b|"" \()`)
	unasked      = []string{`\HasChildren`, `\HasNoChildren`}
	uses         = []string{`\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}
)

// mailboxFlags are the attributes of a mailbox.
func (a *answer) mailboxFlags(flags token) token {
	flags = flags.sorted()
	if !extendedList.MatchString(a.command) && !strings.HasPrefix(strings.ToUpper(a.command), "LSUB") {
		return flags
	}
	command := strings.ToUpper(a.command)
	flags.list = slices.DeleteFunc(flags.list, func(t token) bool {
		return !strings.Contains(command, "CHILDREN") && slices.Contains(unasked, t.atom) ||
			!strings.Contains(command, "SPECIAL-USE") && slices.Contains(uses, t.atom)
	})
	return flags
}

// parseTokens reads a response, literals within.
func parseTokens(text string) []token {
	s := &scan{text: text}
	return s.list()
}

type scan struct {
	text string
}

func (s *scan) list() []token {
	var tokens []token
	for s.text != "" {
		switch s.text[0] {
		case ' ', '\r', '\n':
			s.text = s.text[1:]
		case ')':
			s.text = s.text[1:]
			return tokens
		case '(':
			s.text = s.text[1:]
			tokens = append(tokens, token{list: s.list(), isList: true})
		case '"':
			tokens = append(tokens, token{text: s.quoted(), isText: true})
		case '~':
			s.text = s.text[1:]
		case '{':
			tokens = append(tokens, token{text: s.literal(), isText: true})
		default:
			tokens = append(tokens, token{atom: s.atom()})
		}
	}
	return tokens
}

func (s *scan) quoted() string {
	var b strings.Builder
	for s.text = s.text[1:]; s.text != "" && s.text[0] != '"'; s.text = s.text[1:] {
		if s.text[0] == '\\' && len(s.text) > 1 {
			s.text = s.text[1:]
		}
		b.WriteByte(s.text[0])
	}
	s.text = strings.TrimPrefix(s.text, `"`)
	return b.String()
}

func (s *scan) literal() string {
	size, rest, _ := strings.Cut(s.text[1:], "}\r\n")
	n, _ := strconv.Atoi(size)
	n = min(n, len(rest))
	s.text = rest[n:]
	return rest[:n]
}

// atom reads up to a space or parenthesis outside brackets.
func (s *scan) atom() string {
	depth := 0
	for i, c := range []byte(s.text) {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth <= 0 && (c == ' ' || c == ')' || c == '(' || c == '\r'):
			atom := s.text[:i]
			s.text = s.text[i:]
			return atom
		}
	}
	atom := s.text
	s.text = ""
	return atom
}
