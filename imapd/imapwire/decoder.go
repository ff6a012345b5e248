package imapwire

import (
	"strconv"
	"strings"
)

// Limits of one command. They are lower before a client has signed in.
type Limits struct {
	Command int // octets of a command with its literals, without streamed ones
	Literal int // octets of one literal that is held in memory
	Discard int64
}

// MaxNesting is how deep parentheses may nest.
const MaxNesting = 20

// Decoder reads one command after another. After the first error of a command
// its methods return nothing of use; Err and End tell. It is not safe for
// concurrent use.
type Decoder struct {
	// In is where commands come from.
	In *Input

	// Continue asks the client for a literal: it writes "+".
	Continue func()

	// Limits may change between commands. Discard is how much of a literal
	// that the client sends without waiting is read to find the next command.
	Limits Limits

	line  []byte
	pos   int
	used  int // octets of this command held so far
	depth int
	err   error
}

// Begin reads the first line of the next command.
func (d *Decoder) Begin() error {
	d.err, d.used, d.depth = nil, 0, 0
	if cap(d.line) > 1024 {
		d.line = nil
	}
	d.In.NextCommand()
	d.nextLine()
	return d.err
}

// nextLine reads a line in place of the one at hand.
func (d *Decoder) nextLine() {
	var err error
	d.pos = 0
	d.line, err = d.In.ReadLine(d.line[:0], d.Limits.Command-d.used)
	d.used += len(d.line)
	if err != nil {
		d.setErr(err)
		if _, ok := err.(*TooBigError); !ok {
			d.line = d.line[:0]
		}
	}
}

func (d *Decoder) setErr(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Fail makes the command a SyntaxError, unless it has failed already.
func (d *Decoder) Fail(text string) { d.setErr(&SyntaxError{Text: text}) }

// FailAs makes the command fail with err, unless it has failed already.
func (d *Decoder) FailAs(err error) { d.setErr(err) }

// Err returns the first error of the command.
func (d *Decoder) Err() error { return d.err }

// More reports whether anything but spaces is left of the line.
func (d *Decoder) More() bool {
	for i := d.pos; i < len(d.line); i++ {
		if d.line[i] != ' ' {
			return true
		}
	}
	return false
}

// End expects the end of the command and returns its first error.
func (d *Decoder) End() error {
	if d.err == nil && d.More() {
		d.Fail("Unexpected text at the end of the command")
	}
	if d.err == nil {
		d.pos = len(d.line)
	}
	return d.err
}

// Skip passes over the rest of a command that was not read to its end, so
// that the next one can be read. Literals that the client sends without
// waiting are passed over too; for others it waits, and our tagged response
// tells it that the command is over.
func (d *Decoder) Skip() error {
	failed := d.err
	for {
		lit, ok := trailingLiteral(d.line[min(d.pos, len(d.line)):])
		if !ok || lit.Sync {
			return nil
		}
		d.err = nil
		if d.discard(lit); d.err == nil {
			d.used = 0
			d.nextLine()
		}
		if _, tooBig := d.err.(*TooBigError); d.err != nil && !tooBig {
			return d.err
		}
		d.err = failed
	}
}

// Peek returns the next octet, 0 at the end of the line.
func (d *Decoder) Peek() byte {
	if d.err != nil || d.pos >= len(d.line) {
		return 0
	}
	return d.line[d.pos]
}

// Try consumes c if it is next.
func (d *Decoder) Try(c byte) bool {
	if d.Peek() != c || c == 0 {
		return false
	}
	d.pos++
	return true
}

// Expect consumes c, which must be next.
func (d *Decoder) Expect(c byte) {
	if !d.Try(c) {
		d.Fail("Expected " + strconv.Quote(string(c)))
	}
}

// Space consumes the space that must be next, and more than one.
func (d *Decoder) Space() {
	if !d.TrySpace() {
		d.Fail("Expected a space and another argument")
	}
}

// TrySpace consumes spaces if an argument follows them.
func (d *Decoder) TrySpace() bool {
	if d.Peek() != ' ' || !d.More() {
		return false
	}
	for d.Try(' ') {
	}
	return true
}

// take consumes the longest run of octets for which ok is true.
func (d *Decoder) take(ok func(byte) bool) string {
	if d.err != nil {
		return ""
	}
	start := d.pos
	for d.pos < len(d.line) && ok(d.line[d.pos]) {
		d.pos++
	}
	return string(d.line[start:d.pos])
}

// isAtomChar is ATOM-CHAR, RFC 9051 section 9, and octets outside ASCII.
func isAtomChar(c byte) bool {
	if c <= ' ' || c == 0x7f {
		return false
	}
	switch c {
	case '(', ')', '{', '%', '*', '"', '\\', ']':
		return false
	}
	return true
}

func isAstringChar(c byte) bool { return isAtomChar(c) || c == ']' }

func isListChar(c byte) bool { return isAstringChar(c) || c == '%' || c == '*' }

func isWordChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '=' || c == '_'
}

// maxTag is how many octets a tag may have.
const maxTag = 128

func isTagChar(c byte) bool { return isAstringChar(c) && c != '+' && c < 0x80 }

// TagOf returns the tag of a command whose line was too long to be read, empty
// when it has none.
func (d *Decoder) TagOf() string {
	n := 0
	for n < len(d.line) && isTagChar(d.line[n]) {
		n++
	}
	if n > maxTag || n == len(d.line) || d.line[n] != ' ' {
		return ""
	}
	return string(d.line[:n])
}

// Tag reads a command's tag. An empty one has failed.
func (d *Decoder) Tag() string {
	tag := d.take(isTagChar)
	if tag == "" || len(tag) > maxTag {
		d.Fail("Expected a tag")
		return ""
	}
	return tag
}

// Atom reads an atom.
func (d *Decoder) Atom() string {
	atom := d.take(isAtomChar)
	if atom == "" {
		d.Fail("Expected an atom")
	}
	return atom
}

// Word reads a keyword of letters, digits, dots and hyphens, in upper case.
func (d *Decoder) Word() string {
	word := d.take(isWordChar)
	if word == "" {
		d.Fail("Expected a keyword")
	}
	return strings.ToUpper(word)
}

// TryWord consumes a keyword, given in upper case, if it is next.
func (d *Decoder) TryWord(word string) bool {
	start := d.pos
	if d.err == nil && strings.EqualFold(d.take(isWordChar), word) {
		return true
	}
	if d.err == nil {
		d.pos = start
	}
	return false
}

// TryText takes a text that stands next, in whatever case.
func (d *Decoder) TryText(text string) bool {
	rest := d.line[min(d.pos, len(d.line)):]
	if d.err != nil || len(rest) < len(text) || !strings.EqualFold(string(rest[:len(text)]), text) {
		return false
	}
	d.pos += len(text)
	return true
}

// Flag reads a flag or a keyword, in its own spelling.
func (d *Decoder) Flag() string {
	prefix := ""
	if d.Try('\\') {
		prefix = `\`
	}
	return prefix + d.Atom()
}

// Astring reads an atom or a string.
func (d *Decoder) Astring() string {
	if c := d.Peek(); c == '"' || c == '{' || c == '~' && d.literalFollows() {
		return d.String()
	}
	s := d.take(isAstringChar)
	if s == "" {
		d.Fail("Expected a string")
	}
	return s
}

// ListPattern reads a mailbox name in which % and * may stand.
func (d *Decoder) ListPattern() string {
	if c := d.Peek(); c == '"' || c == '{' {
		return d.String()
	}
	s := d.take(isListChar)
	if s == "" {
		d.Fail("Expected a mailbox pattern")
	}
	return s
}

// String reads a quoted string or a literal.
func (d *Decoder) String() string {
	if d.Peek() == '{' || d.Peek() == '~' {
		return d.literalString()
	}
	if !d.Try('"') {
		d.Fail("Expected a string")
		return ""
	}
	var b strings.Builder
	for d.pos < len(d.line) {
		c := d.line[d.pos]
		d.pos++
		switch {
		case c == '"':
			return b.String()
		case c == '\\' && d.pos < len(d.line):
			c = d.line[d.pos]
			d.pos++
		}
		if c == 0 || c == '\r' {
			break
		}
		b.WriteByte(c)
	}
	d.Fail("The quoted string does not end")
	return ""
}

// NString reads a string or NIL, which is false.
func (d *Decoder) NString() (string, bool) {
	if d.TryWord("NIL") {
		return "", false
	}
	return d.String(), true
}

// Number64 reads a number of at most 63 bits.
func (d *Decoder) Number64() int64 {
	digits := d.take(isDigit)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		d.Fail("Expected a number")
	}
	return n
}

// Number reads a number of at most 32 bits.
func (d *Decoder) Number() uint32 {
	n := d.Number64()
	if n > 1<<32-1 {
		d.Fail("The number is too large")
	}
	return uint32(n)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Set reads a sequence set.
func (d *Decoder) Set() Set {
	set, ok := ParseSet(d.take(func(c byte) bool { return isDigit(c) || c == ':' || c == ',' || c == '*' || c == '$' }))
	if !ok {
		d.Fail("Expected a set of numbers")
	}
	return set
}

// LooksLikeSet reports whether a sequence set is next.
func (d *Decoder) LooksLikeSet() bool {
	c := d.Peek()
	return isDigit(c) || c == '*' || c == '$'
}

// List reads items in parentheses, separated by spaces; item reads one.
func (d *Decoder) List(item func()) {
	d.Expect('(')
	d.Enter()
	defer d.Leave()
	for d.Try(' ') {
	}
	for d.err == nil && d.Peek() != ')' {
		item()
		if d.Peek() != ')' {
			d.Space()
		}
	}
	d.Expect(')')
}

// Enter goes one level deeper; past MaxNesting the command fails.
func (d *Decoder) Enter() {
	if d.depth++; d.depth > MaxNesting {
		d.Fail("The command nests too deep")
	}
}

// Leave comes back from a level.
func (d *Decoder) Leave() { d.depth-- }

// Rest consumes the rest of the line.
func (d *Decoder) Rest() string {
	return d.take(func(byte) bool { return true })
}
