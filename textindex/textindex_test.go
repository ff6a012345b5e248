package textindex_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"gomail"
	"gomail/textindex"
)

// letters are runes that change, go or become others in the index's eyes.
var letters = []rune("aAbBcC zZ\t\n\u00a0éÉèßẞİıſKÅ\u0301\u0308ǅ한국어日本語Ωω\x00\ufffdﬁ")

func randomText(r *rand.Rand, n int) string {
	text := make([]rune, n)
	for i := range text {
		text[i] = letters[r.IntN(len(letters))]
	}
	return string(text)
}

// TestWhatContainsANeedleHasItsGrams is what the index promises: nothing that
// matches is ruled out, however text and needle are folded, wherever the text
// is cut.
func TestWhatContainsANeedleHasItsGrams(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var text textindex.Text
	for range 3000 {
		whole := randomText(r, 1+r.IntN(60))
		text.Reset()
		if err := text.Read(iotest.OneByteReader(strings.NewReader(whole))); err != nil {
			t.Fatal(err)
		}
		grams := slices.Clone(text.Grams())
		runes := []rune(whole)
		from := r.IntN(len(runes))
		part := string(runes[from : from+1+r.IntN(len(runes)-from)])
		for _, needle := range []string{part, strings.ToLower(part), strings.ToUpper(strings.ToLower(part)), strings.TrimSpace(part), strings.Join(strings.Fields(part), "  ")} {
			if !strings.Contains(strings.Join(strings.Fields(strings.ToLower(whole)), " "), strings.Join(strings.Fields(strings.ToLower(needle)), " ")) {
				continue // it is no part any more
			}
			for _, g := range textindex.Needle(needle) {
				if !slices.Contains(grams, g) {
					t.Fatalf("%q contains %q, but lacks one of its grams", whole, needle)
				}
			}
		}
	}
}

func TestBlocksDoNotMatter(t *testing.T) {
	long := strings.Repeat("Grüße aus Köln, 日本 ", 5000)
	var whole, bytewise textindex.Text
	whole.Add(long)
	if err := bytewise.Read(iotest.HalfReader(strings.NewReader(long))); err != nil {
		t.Fatal(err)
	}
	a, b := slices.Clone(whole.Grams()), slices.Clone(bytewise.Grams())
	slices.Sort(a)
	slices.Sort(b)
	if len(a) < 10 || !slices.Equal(a, b) {
		t.Errorf("%d grams of the whole, %d of its blocks", len(a), len(b))
	}
	whole.Reset()
	if whole.Add("xyzzy"); len(whole.Grams()) != 3 {
		t.Errorf("after Reset, five letters have %d grams", len(whole.Grams()))
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{" ÉTAT \t\n Été ": "etat ete", "Straße": "straße", "e\u0301": "e", "": "", " ": ""} {
		if got := textindex.Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNeedle(t *testing.T) {
	for needle, want := range map[string]int{"": 0, "ab": 0, " a ": 0, "abc": 1, "abcd": 2, "a  b": 1, strings.Repeat("abcdefghijklmnopqrstuvwxyz", 3): 12} {
		if got := textindex.Needle(needle); len(got) != want {
			t.Errorf("%q has %d grams, want %d", needle, len(got), want)
		}
	}
}

// built is a segment with its postings in memory.
type built struct {
	textindex.Segment
	postings []textindex.Posting
}

func build(t *testing.T, id int64, texts map[gomail.MessageID]string) built {
	t.Helper()
	var b textindex.Builder
	var text textindex.Text
	ids := slices.Sorted(func(yield func(gomail.MessageID) bool) {
		for id := range texts {
			if !yield(id) {
				return
			}
		}
	})
	for _, id := range ids {
		text.Reset()
		text.Add(texts[id])
		b.Add(id, text.Grams())
	}
	return built{textindex.Segment{ID: id, Messages: b.Messages()}, all(t, b.Postings())}
}

func all(t *testing.T, postings iter.Seq2[textindex.Posting, error]) (list []textindex.Posting) {
	t.Helper()
	for p, err := range postings {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func (b built) find(t *testing.T, needle string) (found []gomail.MessageID) {
	t.Helper()
	var stored [][]byte
	for _, g := range textindex.Needle(needle) {
		i, ok := slices.BinarySearchFunc(b.postings, g, func(p textindex.Posting, g textindex.Gram) int { return int(p.Gram) - int(g) })
		if !ok {
			return nil
		}
		stored = append(stored, b.postings[i].Stored)
	}
	numbers, ok := textindex.Intersect(stored, len(b.Messages))
	if !ok {
		t.Fatal("a posting is damaged")
	}
	for _, n := range numbers {
		found = append(found, b.Messages[n])
	}
	return found
}

func TestMergeFindsWhatItsPartsFound(t *testing.T) {
	words := strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda common")
	r := rand.New(rand.NewPCG(3, 4))
	var parts []built
	var segments []textindex.Segment
	var existing []gomail.MessageID
	next := gomail.MessageID(1)
	for p := range 5 {
		texts := map[gomail.MessageID]string{}
		for range 1 + r.IntN(300) {
			next += gomail.MessageID(1 + r.IntN(5))
			texts[next] = words[r.IntN(len(words))] + " common " + words[r.IntN(len(words))]
			if r.IntN(4) > 0 {
				existing = append(existing, next)
			}
		}
		parts = append(parts, build(t, int64(p), texts))
		segments = append(segments, parts[p].Segment)
	}
	m := textindex.NewMerge(segments, existing)
	if !slices.Equal(m.Messages, existing) {
		t.Fatalf("%d messages in the merged segment, %d exist", len(m.Messages), len(existing))
	}
	merged := built{textindex.Segment{Messages: m.Messages}, nil}
	for _, s := range textindex.Stretches() {
		inStretch := make([][]textindex.Posting, len(parts))
		for p, part := range parts {
			for _, posting := range part.postings {
				if posting.Gram >= s.First && posting.Gram < s.End {
					inStretch[p] = append(inStretch[p], posting)
				}
			}
		}
		merged.postings = append(merged.postings, all(t, m.Postings(inStretch))...)
	}
	for _, needle := range append(words, "mmo", "alpha common beta", "nothing") {
		var want []gomail.MessageID
		for _, part := range parts {
			for _, id := range part.find(t, needle) {
				if _, ok := slices.BinarySearch(existing, id); ok {
					want = append(want, id)
				}
			}
		}
		if got := merged.find(t, needle); !slices.Equal(got, want) {
			t.Errorf("%q: %d after the merge, %d before", needle, len(got), len(want))
		}
	}
}

// A year of searches leaves few segments, and each message is merged a few
// times only.
func TestSegmentsStayFew(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var segments []textindex.Segment
	messages, merged := 0, 0
	for range 3000 {
		n := textindex.Smallest + r.IntN(200)
		messages += n
		segments = append(segments, textindex.Segment{Messages: make([]gomail.MessageID, n)})
		for parts := textindex.ToMerge(segments); parts != nil; parts = textindex.ToMerge(segments) {
			sum := 0
			for _, p := range parts {
				sum += len(p.Messages)
			}
			merged += sum
			segments = append(segments[:len(segments)-len(parts)], textindex.Segment{Messages: make([]gomail.MessageID, sum)})
		}
	}
	if len(segments) > 40 || merged > 6*messages {
		t.Errorf("%d segments for %d messages, %d merged", len(segments), messages, merged)
	}
}

func FuzzPosting(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, 10)
	f.Add([]byte{1, 0xff, 0x01}, 9)
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 1<<30)
	f.Fuzz(func(t *testing.T, stored []byte, size int) {
		size = max(0, min(size, 1<<20))
		numbers, ok := textindex.Intersect([][]byte{stored}, size)
		if !ok {
			return
		}
		if !slices.IsSorted(numbers) || len(numbers) > 0 && int(numbers[len(numbers)-1]) >= size {
			t.Errorf("%x gives %v of %d", stored, numbers, size)
		}
	})
}

func BenchmarkText(b *testing.B) {
	line := "Line 1ef0 of message 19917: the plan that is attached has changed again.\r\n"
	text := strings.Repeat(line, 55)
	b.SetBytes(int64(len(text)))
	var x textindex.Text
	for b.Loop() {
		x.Reset()
		x.Read(strings.NewReader(text))
	}
}

// Messages that have every gram there is fill a segment soon.
func TestBuilderTakesNoMoreThanItHolds(t *testing.T) {
	all := make([]textindex.Gram, textindex.Any)
	for i := range all {
		all[i] = textindex.Gram(i)
	}
	var b textindex.Builder
	for id := range gomail.MessageID(8) {
		b.Add(id+1, all)
	}
	b.Add(9, nil)
	if n := len(b.Messages()); n != 4 {
		t.Errorf("the segment has %d messages with every gram, want 4", n)
	}
}
