package arc

import (
	"strconv"
	"strings"

	"gomail"
	"gomail/mailauth/dkim"
	"gomail/message"
)

// MaxSets is how many sets a chain may have, RFC 8617 section 4.2.1.
const MaxSets = 50

// The fields of a set, RFC 8617 section 4.1.
const (
	resultsField   = "ARC-Authentication-Results"
	signatureField = "ARC-Message-Signature"
	sealField      = "ARC-Seal"
)

// set is one ARC set: its fields by their places in the header, -1 while one
// is missing.
type set struct {
	results   int
	signature int
	seal      int
	sealTags  dkim.Tags
}

// chain is all sets of a message in their order, from instance 1.
type chain struct {
	header message.Header
	sets   []set
	// highest is the highest number that a field bears, also of a chain that
	// is not in order.
	highest int
	failed  bool // the newest seal says so itself
}

// readChain gathers the sets of a header. On an error, which says what is not
// in order, highest and failed are set nevertheless.
func readChain(header message.Header) (*chain, error) {
	c := &chain{header: header}
	var first error
	for i, field := range header {
		if err := c.add(i, field); err != nil && first == nil {
			first = err
		}
	}
	if len(c.sets) > 0 {
		c.failed = strings.EqualFold(c.sets[len(c.sets)-1].sealTags.Get("cv"), "fail")
	}
	if first != nil {
		return c, first
	}
	return c, c.check()
}

// add takes a field when it is one of a chain.
func (c *chain) add(at int, field message.Field) error {
	switch {
	case field.Is(resultsField):
		instance, _, ok := cutInstance(field.Value())
		return c.place(instance, ok, at, func(s *set) *int { return &s.results })
	case field.Is(signatureField):
		tags, err := dkim.ParseTags(field.Value())
		if err != nil {
			return err
		}
		return c.addSignature(at, tags)
	case field.Is(sealField):
		tags, err := dkim.ParseTags(field.Value())
		if err != nil {
			return err
		}
		return c.addSeal(at, tags)
	}
	return nil
}

func (c *chain) addSignature(at int, tags dkim.Tags) error {
	instance, ok := parseInstance(tags.Get("i"))
	if err := c.place(instance, ok, at, func(s *set) *int { return &s.signature }); err != nil {
		return err
	}
	for name := range strings.SplitSeq(tags.Get("h"), ":") {
		if strings.EqualFold(strings.Trim(name, " \t"), sealField) {
			return gomail.Errorf(gomail.Invalid, "a message signature of the ARC chain covers a seal")
		}
	}
	return nil
}

func (c *chain) addSeal(at int, tags dkim.Tags) error {
	instance, ok := parseInstance(tags.Get("i"))
	if err := c.place(instance, ok, at, func(s *set) *int { return &s.seal }); err != nil {
		return err
	}
	c.sets[instance-1].sealTags = tags
	if tags.Has("h") {
		return gomail.Errorf(gomail.Invalid, "a seal of the ARC chain has an h= tag")
	}
	return nil
}

// place notes where a field of a set stands.
func (c *chain) place(instance int, ok bool, at int, which func(*set) *int) error {
	if !ok {
		return gomail.Errorf(gomail.Invalid, "a field of the ARC chain has no instance from 1 to %d", MaxSets)
	}
	c.highest = max(c.highest, instance)
	for len(c.sets) < instance {
		c.sets = append(c.sets, set{-1, -1, -1, nil})
	}
	place := which(&c.sets[instance-1])
	if *place >= 0 {
		return gomail.Errorf(gomail.Invalid, "the ARC chain has a field twice")
	}
	*place = at
	return nil
}

// check holds the chain against RFC 8617 section 5.2, steps 2 and 3.
func (c *chain) check() error {
	if c.failed {
		return gomail.Errorf(gomail.Invalid, "the newest seal of the ARC chain says that the chain failed")
	}
	for i, s := range c.sets {
		if s.results < 0 || s.signature < 0 || s.seal < 0 {
			return gomail.Errorf(gomail.Invalid, "the ARC chain is not complete")
		}
		want := "pass"
		if i == 0 {
			want = "none"
		}
		if !strings.EqualFold(s.sealTags.Get("cv"), want) {
			return gomail.Errorf(gomail.Invalid, "a seal of the ARC chain does not say cv=%s", want)
		}
	}
	return nil
}

// appendSet appends the fields of a set in canonical form, in the order in
// which seals sign them (section 5.1.1).
func (c *chain) appendSet(dst []byte, s set) []byte {
	for _, at := range []int{s.results, s.signature, s.seal} {
		dst = dkim.AppendField(dst, c.header[at].Raw, dkim.Relaxed)
	}
	return dst
}

// sealed returns what the seal of set i signs, given the sets before it in
// canonical form.
func (c *chain) sealed(before []byte, i int) []byte {
	s := c.sets[i]
	data := append([]byte(nil), before...)
	for _, at := range []int{s.results, s.signature} {
		data = dkim.AppendField(data, c.header[at].Raw, dkim.Relaxed)
	}
	data = dkim.AppendField(data, dkim.WithoutSignature(c.header[s.seal].Raw), dkim.Relaxed)
	return data[:len(data)-len("\r\n")]
}

// cutInstance splits "i=1; mx.example.net; spf=pass", RFC 8617 section 4.1.1.
func cutInstance(value string) (instance int, results string, ok bool) {
	first, results, ok := strings.Cut(value, ";")
	name, number, isTag := strings.Cut(first, "=")
	if !ok || !isTag || strings.Trim(name, " \t") != "i" {
		return 0, "", false
	}
	instance, ok = parseInstance(number)
	return instance, strings.Trim(results, " \t"), ok
}

func parseInstance(text string) (int, bool) {
	text = strings.Trim(text, " \t")
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= MaxSets && len(text) <= 2
}
