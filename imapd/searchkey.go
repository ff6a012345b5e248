package imapd

import (
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/imapd/imapwire"
)

// What a search key has to look at, from cheap to dear.
const (
	costEntry   = iota // the session's own view: flags, size, date
	costRow            // the envelope: the message's row
	costContent        // the message itself
)

// searchKey is a condition on a message.
type searchKey struct {
	cost  int
	match func(*candidate) (bool, error)
	may   func(*candidate) bool // false: the text index rules it out; nil: always true
	alone bool                  // match looks at more than the message and is not asked of two at a time
}

// possible reports whether the message may match, as far as the text index
// knows.
func (k searchKey) possible(c *candidate) bool { return k.may == nil || k.may(c) }

// searchQuery is what a SEARCH asks for.
type searchQuery struct {
	keys   []searchKey // all must match
	modSeq bool        // MODSEQ was among them

	extended                   bool // RETURN was given
	min, max, all, count, save bool
	partial                    *partial // nil: not asked for

	relevancy bool    // scores are told, RFC 6203
	scores    *scores // nil: nothing is searched without exactness

	correlated  bool       // the mailbox is named in the result, RFC 7377
	update      bool       // the result is to be kept up to date, RFC 5267
	updateFetch fetchQuery // what is told of new messages then, RFC 5465
}

// maxSearchKeys is how many conditions one SEARCH may have.
const maxSearchKeys = 1000

// readSearch reads the arguments of SEARCH, RFC 9051 section 6.4.4.
func (s *session) readSearch() searchQuery {
	s.dec.Space()
	return s.readSearchProgram()
}

// readSearchProgram reads result options, charset and conditions.
func (s *session) readSearchProgram() searchQuery {
	p := searchParser{s: s, now: s.cfg.Clock()}
	if s.dec.TryWord("RETURN") {
		p.readReturn()
		s.dec.Space()
	}
	if s.dec.TryWord("CHARSET") {
		s.dec.Space()
		p.charset(s.dec.Astring())
		s.dec.Space()
	}
	p.readKeys()
	return p.q
}

// readKeys reads conditions to the end of the command.
func (p *searchParser) readKeys() {
	for {
		p.q.keys = append(p.q.keys, p.key())
		if p.s.dec.Err() != nil || !p.s.dec.TrySpace() {
			break
		}
	}
	if p.q.relevancy && p.q.scores == nil {
		p.s.dec.Fail("RELEVANCY needs a FUZZY condition")
	}
}

// searchParser reads conditions.
type searchParser struct {
	s    *session
	q    searchQuery
	keys int
	now  time.Time
	asks int // of the text index

	fuzzy bool // the condition at hand is within FUZZY
}

// readReturn reads the result options of RFC 4731 and RFC 5182.
func (p *searchParser) readReturn() {
	q, dec := &p.q, &p.s.dec
	q.extended = true
	dec.Space()
	dec.List(func() {
		switch dec.Word() {
		case "MIN":
			q.min = true
		case "MAX":
			q.max = true
		case "ALL":
			q.all = true
		case "COUNT":
			q.count = true
		case "SAVE":
			q.save = true
		case "RELEVANCY":
			q.relevancy = true
		case "PARTIAL":
			if q.partial != nil {
				dec.Fail("PARTIAL stands there twice")
			}
			q.partial = p.s.readPartialRange()
		case "CONTEXT": // results are not kept for it
		case "UPDATE":
			p.readUpdate()
		default:
			dec.Fail("Unknown result option of SEARCH")
		}
	})
	if q.partial != nil && q.all {
		dec.Fail("ALL and PARTIAL exclude each other")
	}
	if !q.min && !q.max && !q.count && !q.save && !q.update && q.partial == nil {
		q.all = true
	}
}

// readUpdate reads what may follow UPDATE: the items to be told of messages
// that are new in the result, RFC 5465 section 7.
func (p *searchParser) readUpdate() {
	p.q.update = true
	if p.s.dec.TryText(" (") {
		p.q.updateFetch = p.s.readItemList()
	}
}

// charset accepts UTF-8 and its subset.
func (p *searchParser) charset(name string) {
	switch upper(name) {
	case "UTF-8", "US-ASCII", "ASCII", "UTF8":
	default:
		p.s.badCharset = true
	}
}

// key reads one condition.
func (p *searchParser) key() searchKey {
	dec := &p.s.dec
	if p.keys++; p.keys > maxSearchKeys {
		dec.Fail("Too many search keys")
	}
	switch {
	case dec.Peek() == '(':
		return p.group()
	case dec.LooksLikeSet():
		return p.set(false)
	}
	word := dec.Word()
	if k, ok := flagKey(word); ok {
		return k
	}
	if k, ok := p.textKey(word); ok {
		return k
	}
	if k, ok := p.dateKey(word); ok {
		return k
	}
	return p.otherKey(word)
}

// group reads conditions in parentheses.
func (p *searchParser) group() searchKey {
	var keys []searchKey
	p.s.dec.List(func() { keys = append(keys, p.key()) })
	if len(keys) == 0 {
		p.s.dec.Fail("Expected search keys")
	}
	return allOf(keys)
}

// otherKey reads what is neither flag nor text nor date.
func (p *searchParser) otherKey(word string) searchKey {
	dec := &p.s.dec
	switch word {
	case "FUZZY":
		dec.Space()
		return p.fuzzily()
	case "NOT":
		dec.Space()
		return not(p.nested())
	case "OR":
		dec.Space()
		a := p.nested()
		dec.Space()
		return anyOf(a, p.nested())
	case "UID":
		dec.Space()
		return p.set(true)
	case "KEYWORD", "UNKEYWORD":
		dec.Space()
		return keywordKey(dec.Atom(), word == "KEYWORD")
	case "LARGER", "SMALLER":
		dec.Space()
		return sizeKey(dec.Number64(), word == "LARGER")
	case "OLDER", "YOUNGER":
		dec.Space()
		return ageKey(p.now.Add(-time.Duration(dec.Number())*time.Second), word == "YOUNGER")
	case "MODSEQ":
		return p.modSeqKey()
	case "EMAILID":
		dec.Space()
		id := dec.Atom()
		return entryKey(func(c *candidate) bool { return emailID(c.s.view.box, c.entry.Message) == id })
	case "THREADID":
		dec.Space()
		return p.threadKey(dec.Atom())
	}
	dec.Fail("Unknown search key")
	return searchKey{}
}

// fuzzily reads a condition that is met without exactness as well, RFC 6203.
// Other conditions than those on text are as exact as ever.
func (p *searchParser) fuzzily() searchKey {
	if p.q.scores == nil {
		p.q.scores = &scores{of: map[gomail.UID]score{}}
	}
	outer := p.fuzzy
	p.fuzzy = true
	defer func() { p.fuzzy = outer }()
	return p.nested()
}

// nested reads a condition within another, at most MaxNesting deep.
func (p *searchParser) nested() searchKey {
	p.s.dec.Enter()
	defer p.s.dec.Leave()
	if p.s.dec.Err() != nil {
		return entryKey(func(*candidate) bool { return false })
	}
	return p.key()
}

// set reads a set of sequence numbers or UIDs. Sequence numbers mean the
// messages that had them when the search began, also where its result is kept
// up to date (RFC 5267 section 4.3); * among UIDs is the last message there is.
func (p *searchParser) set(uid bool) searchKey {
	if !uid && p.s.uidOnly && p.s.dec.Peek() != '$' {
		p.s.dec.FailAs(errUIDRequired())
	}
	set := p.s.dec.Set()
	var of *view
	var last uint32
	var spans []imapwire.Span
	key := entryKey(func(c *candidate) bool {
		if v := c.s.view; v != of || uid && v.lastUID() != last {
			of, last = v, v.lastUID()
			spans = v.uidSpans(set, uid)
		}
		return within(spans, c.entry.UID)
	})
	key.alone = true
	return key
}

// uidSpans returns the UIDs that a set means in a mailbox.
func (v *view) uidSpans(set imapwire.Set, uid bool) []imapwire.Span {
	switch {
	case set.Saved:
		return spansOf(v.saved)
	case uid:
		return set.Resolve(max(v.lastUID(), 1))
	}
	spans := set.Resolve(uint32(len(v.entries)))
	kept := spans[:0]
	for _, p := range spans {
		if int64(p.First) <= int64(len(v.entries)) {
			last := min(int64(p.Last), int64(len(v.entries)))
			kept = append(kept, imapwire.Span{First: uint32(v.entries[p.First-1].UID), Last: uint32(v.entries[last-1].UID)})
		}
	}
	return kept
}

func spansOf(uids []gomail.UID) []imapwire.Span {
	return intersectUIDs([]imapwire.Span{{First: 1, Last: 1<<32 - 1}}, uids)
}

// modSeqKey reads MODSEQ, with the entry name and type that nobody uses (RFC
// 7162 section 3.1.5).
func (p *searchParser) modSeqKey() searchKey {
	dec := &p.s.dec
	p.q.modSeq = true
	dec.Space()
	if dec.Peek() == '"' {
		_ = dec.String()
		dec.Space()
		dec.Word()
		dec.Space()
	}
	n := gomail.ModSeq(dec.Number64())
	return entryKey(func(c *candidate) bool { return c.entry.ModSeq >= n })
}

func entryKey(match func(*candidate) bool) searchKey {
	return searchKey{cost: costEntry, match: func(c *candidate) (bool, error) { return match(c), nil }}
}

// flagKey returns the condition of a word such as SEEN or UNSEEN.
func flagKey(word string) (searchKey, bool) {
	switch word {
	case "ALL", "OLD", "SAVEDATESUPPORTED": // \Recent is not kept: every message is old
		return entryKey(func(*candidate) bool { return true }), true
	case "RECENT", "NEW":
		return entryKey(func(*candidate) bool { return false }), true
	}
	name, without := strings.CutPrefix(word, "UN")
	flag, ok := gomail.ParseFlag(`\` + name)
	return entryKey(func(c *candidate) bool { return c.entry.Flags.Has(flag) != without }), ok
}

func keywordKey(word string, want bool) searchKey {
	return entryKey(func(c *candidate) bool { return hasKeyword(c.entry.Keywords, word) == want })
}

func hasKeyword(keywords, word string) bool {
	for k := range strings.SplitSeq(keywords, " ") {
		if strings.EqualFold(k, word) {
			return true
		}
	}
	return false
}

// allOf holds where all of the keys do; the cheap ones are asked first.
func allOf(keys []searchKey) searchKey {
	cost := sortByCost(keys)
	match := func(c *candidate) (bool, error) {
		for _, k := range keys {
			if ok, err := k.match(c); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	may := func(c *candidate) bool {
		return !slices.ContainsFunc(keys, func(k searchKey) bool { return !k.possible(c) })
	}
	alone := slices.ContainsFunc(keys, func(k searchKey) bool { return k.alone })
	return searchKey{cost, match, may, alone}
}

func anyOf(a, b searchKey) searchKey {
	if b.cost < a.cost {
		a, b = b, a
	}
	match := func(c *candidate) (bool, error) {
		if ok, err := a.match(c); ok || err != nil {
			return ok, err
		}
		return b.match(c)
	}
	return searchKey{b.cost, match, func(c *candidate) bool { return a.possible(c) || b.possible(c) }, a.alone || b.alone}
}

func not(k searchKey) searchKey {
	return searchKey{cost: k.cost, alone: k.alone, match: func(c *candidate) (bool, error) {
		ok, err := k.match(c)
		return !ok, err
	}}
}
