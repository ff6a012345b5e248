package textindex

// maxNeedle is how many of a needle's grams are looked up. More would take
// longer than reading the few messages that have these and not the rest.
const maxNeedle = 12

// Needle returns grams that a text has which contains the needle, at most a
// dozen. None when the needle is too short to have one: anything may contain
// it.
func Needle(needle string) []Gram {
	var t Text
	t.Add(Plain(needle))
	all := t.Grams()
	if len(all) <= maxNeedle {
		return all
	}
	some := make([]Gram, maxNeedle)
	for i := range some {
		some[i] = all[i*(len(all)-1)/(maxNeedle-1)]
	}
	return some
}
