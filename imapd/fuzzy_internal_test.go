package imapd

import (
	"slices"
	"strings"
	"testing"
)

func TestLikeness(t *testing.T) {
	for _, c := range []struct {
		want, word string
		score      int
	}{
		{"plan", "plan", wordExact}, {"plan", "planning", wordBegins}, {"plan", "Explanation", wordContains}, {"plan", "plain", wordOneTypo}, {"helo", "hello", wordOneTypo},
		{"plna", "plan", 0}, {"accomodate", "accommodate", wordOneTypo}, {"recieve", "receive", wordOneTypo}, {"accomadate", "accommodate", wordTwoTypos}, {"receipt", "recipe", 0},
		{"ab", "cab", 0}, {"ab", "about", wordBegins}, {"xplan", "plan", 0}, {"Grusse", "Grüße", 0}, {"grüsse", "GRUSSE", wordExact}, {"été", "ete", wordExact},
	} {
		want, word := fuzzyWords(c.want), fuzzyWords(c.word)
		if got := likeness(want[0], word[0]); got != c.score {
			t.Errorf("%s for %s: %d, want %d", c.word, c.want, got, c.score)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		n    int
	}{{"", "", 0}, {"a", "", 1}, {"abc", "acb", 1}, {"abcd", "abXd", 1}, {"abcd", "bcda", 2}, {"abcdef", "ab", 3}, {"abc", "xyz", 3}, {strings.Repeat("a", maxFuzzyWord), strings.Repeat("a", maxFuzzyWord-1) + "b", 1}} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.n || distance([]rune(c.b), []rune(c.a)) != c.n {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.n)
		}
	}
}

func TestEachWord(t *testing.T) {
	var words []string
	eachWord(strings.NewReader("Ein  ÉTAT-major, x2\u00a0"+strings.Repeat("y", maxFuzzyWord+2)+" \xff"), func(w []rune) { words = append(words, string(w)) })
	if want := []string{"ein", "etat", "major", "x2", strings.Repeat("y", maxFuzzyWord), "yy"}; !slices.Equal(words, want) {
		t.Errorf("the words are %q", words)
	}
}
