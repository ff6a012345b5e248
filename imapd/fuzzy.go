package imapd

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode"

	"gomail"
	"gomail/message"
	"gomail/textindex"
)

// Limits on what is compared without exactness.
const (
	maxFuzzyWords = 20 // of what is searched; further ones are passed over
	maxFuzzyWord  = 64 // letters of a word; longer ones are cut
)

// How well a word of a message answers a word that is searched, of 100.
const (
	wordExact     = 100
	wordBegins    = 80
	wordContains  = 60
	wordOneTypo   = 50
	wordTwoTypos  = 40
	outsideOfName = 80 // percent that a word counts for outside of subject and addresses
)

// fuzzyKey is FUZZY with a condition on text, RFC 6203 section 3. A message
// matches when each word of the text is in it, in whatever order: as a word,
// as a part of one, or misspelt. Case and accents do not matter; a misspelt
// word has its first three letters right.
func (p *searchParser) fuzzyKey(word, field, text string) searchKey {
	f := fuzzy{words: fuzzyWords(text)}
	scores := p.q.scores
	key := searchKey{cost: costContent, alone: true}
	switch word {
	case "SUBJECT", "FROM", "TO", "CC", "BCC":
		key.cost = costRow
	}
	key.match = func(c *candidate) (bool, error) {
		m := fuzzyMatch{fuzzy: &f, best: make([]int, len(f.words))}
		if err := c.fuzzyTexts(&m, word, field); err != nil {
			return false, err
		}
		score := m.score()
		if score > 0 {
			scores.add(c.entry.UID, score)
		}
		return score > 0, nil
	}
	key.may = p.fuzzyIndexed(f.words)
	return key
}

// fuzzyIndexed rules messages out that lack the first letters of a word.
func (p *searchParser) fuzzyIndexed(words [][]rune) func(*candidate) bool {
	var all []func(*candidate) bool
	for _, w := range words {
		if len(w) < 3 {
			continue
		}
		if may := p.indexed(string(w[:3])); may != nil {
			all = append(all, may)
		}
	}
	return func(c *candidate) bool {
		return !slices.ContainsFunc(all, func(may func(*candidate) bool) bool { return !may(c) })
	}
}

// fuzzyTexts gives the match the texts that the condition is about.
func (c *candidate) fuzzyTexts(m *fuzzyMatch, word, field string) error {
	switch word {
	case "SUBJECT":
		return c.fuzzySubject(m)
	case "FROM", "TO", "CC", "BCC":
		e, err := c.envelope()
		if err == nil {
			m.text(envelopeText(e, word), 100)
		}
		return err
	case "HEADER":
		header, err := c.header()
		for _, f := range header {
			if f.Is(field) {
				m.text(message.DecodeWords(f.Value()), 100)
			}
		}
		return err
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	x, err := c.parsedIndex()
	if err != nil {
		return err
	}
	if word == "TEXT" {
		if err := c.fuzzySubject(m); err != nil {
			return err
		}
		return x.EachText(content, c.row.Shift, m.read)
	}
	x.Root.Walk(func(_ []int, part *message.Part) bool {
		if err == nil && part.Type == "text" {
			err = m.read(part.SearchText(content, c.row.Shift))
		}
		return err == nil
	})
	return err
}

func (c *candidate) fuzzySubject(m *fuzzyMatch) error {
	e, err := c.envelope()
	if err == nil {
		m.text(message.DecodeWords(e.Subject), 100)
	}
	return err
}

// fuzzy is a text that is searched without exactness.
type fuzzy struct {
	words [][]rune // folded
}

// fuzzyMatch is how well one message answers it.
type fuzzyMatch struct {
	*fuzzy
	best []int // for each word
}

// score returns how well the message answers, 1 to 100; 0: it does not. What
// has no words is in every message.
func (m *fuzzyMatch) score() int {
	sum := 0
	for _, b := range m.best {
		if b == 0 {
			return 0
		}
		sum += b
	}
	if len(m.best) == 0 {
		return 1
	}
	return sum / len(m.best)
}

// text adds a text whose words count for so many percent.
func (m *fuzzyMatch) text(text string, percent int) {
	eachWord(strings.NewReader(text), func(word []rune) { m.word(word, percent) })
}

// read adds a text of the message.
func (m *fuzzyMatch) read(r io.Reader) error {
	return eachWord(r, func(word []rune) { m.word(word, outsideOfName) })
}

func (m *fuzzyMatch) word(word []rune, percent int) {
	for i, want := range m.words {
		if m.best[i] < wordExact*percent/100 {
			m.best[i] = max(m.best[i], likeness(want, word)*percent/100)
		}
	}
}

// likeness returns how well a word answers the one that is wanted; 0: not.
func likeness(want, word []rune) int {
	switch at := indexRunes(word, want); {
	case at == 0 && len(word) == len(want):
		return wordExact
	case at == 0:
		return wordBegins
	case at > 0 && len(want) >= 3:
		return wordContains
	}
	if len(want) < 4 || len(word) < 3 || !slices.Equal(want[:3], word[:3]) {
		return 0
	}
	switch typos := distance(want, word); {
	case typos == 1:
		return wordOneTypo
	case typos == 2 && len(want) >= 8:
		return wordTwoTypos
	}
	return 0
}

// indexRunes returns where part is in word, -1 when it is not.
func indexRunes(word, part []rune) int {
	for at := 0; at+len(part) <= len(word); at++ {
		if slices.Equal(word[at:at+len(part)], part) {
			return at
		}
	}
	return -1
}

// distance returns how many letters have to be changed, added, taken out or
// swapped with their neighbour to make one word of the other (the distance of
// Damerau and Levenshtein, by optimal string alignment); 3 means 3 or more.
func distance(a, b []rune) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	var before, last, row [maxFuzzyWord + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return min(last[len(b)], 3)
}

// fuzzyWords returns the words of what is searched.
func fuzzyWords(text string) (words [][]rune) {
	eachWord(strings.NewReader(text), func(word []rune) {
		if len(words) < maxFuzzyWords {
			words = append(words, slices.Clone(word))
		}
	})
	return words
}

// eachWord calls yield for each run of letters and digits, folded. The word is
// valid until yield returns.
func eachWord(r io.Reader, yield func([]rune)) error {
	in := bufio.NewReader(r)
	word := make([]rune, 0, maxFuzzyWord)
	end := func() {
		if len(word) > 0 {
			yield(word)
			word = word[:0]
		}
	}
	add := func(r rune) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			return
		}
		if len(word) == maxFuzzyWord {
			end()
		}
		word = append(word, r)
	}
	for {
		r, _, err := in.ReadRune()
		if err != nil {
			end()
			if err == io.EOF {
				return nil
			}
			return err
		}
		textindex.Fold(r, add)
	}
}

// scores are the relevancies of the messages of one search.
type scores struct {
	of map[gomail.UID]score
}

// score is the sum over the FUZZY conditions that a message answered.
type score struct{ sum, n int }

func (s *scores) add(uid gomail.UID, points int) {
	of := s.of[uid]
	s.of[uid] = score{of.sum + points, of.n + 1}
}

// relevancy returns how relevant a message is, 1 to 100, RFC 6203 section 4.
// One that was found by another condition than a FUZZY one is the least.
func (s *scores) relevancy(uid gomail.UID) int {
	of := s.of[uid]
	if of.n == 0 {
		return 1
	}
	return max(of.sum/of.n, 1)
}

// writeRelevancy writes RELEVANCY for messages in their order.
func (s *session) writeRelevancy(q searchQuery, found []int) {
	s.out.Text(" RELEVANCY (")
	for n, i := range found {
		if n > 0 {
			s.out.Text(" ")
		}
		s.out.Int(int64(q.scores.relevancy(s.view.entries[i].UID)))
	}
	s.out.Text(")")
}
