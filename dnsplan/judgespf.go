package dnsplan

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"gomail"
	"gomail/mailauth/spf"
)

// judgeSPF evaluates the record as a receiver would, for each of our
// addresses, and counts what it asks.
func (c *comparison) judgeSPF(r Record, ours []string) verdict {
	if len(ours) > 1 {
		return wrong("spf_two_records", "There are %d SPF records, and receivers then take none: merge them into one.", len(ours))
	}
	live := ours[0]
	if err := spf.ValidRecord(live); err != nil {
		return wrong("spf_syntax", "Receivers cannot read the record (%v): publish the value of this record.", err)
	}
	if slices.ContainsFunc(strings.Fields(strings.ToLower(live)), func(t string) bool { return t == "all" || t == "+all" }) {
		return wrong("spf_pass_all", "It ends with +all, which lets anybody send as %s: change it to ~all.", r.Name)
	}
	if n := c.countLookups(live, map[string]bool{}); n > maxLookups {
		return wrong("spf_lookups", "It takes %d look-ups, and receivers stop after %d: remove includes that are no longer needed, or replace them by addresses.", n, maxLookups)
	}
	asPlanned := strings.EqualFold(strings.Join(strings.Fields(live), " "), r.Value)
	if asPlanned && c.beginsWithOurs(r) {
		return good
	}
	if v := c.authorizes(r, live); v != good {
		return v
	}
	if n := c.countVoid(live); n > maxVoid {
		return wrong("spf_void_lookups", "%d of the names that it asks for do not exist, and receivers stop after %d: remove the mechanisms that name them.", n, maxVoid)
	}
	if asPlanned {
		return good
	}
	if lacks := c.lacking(r, live); len(lacks) > 0 {
		return wrong("spf_lacks", "It lacks %s, so mail that is sent from there looks forged: add it to the record.", strings.Join(lacks, " "))
	}
	return judgeEnding(r, live)
}

// lacking returns the mechanisms that the owner has added to the plan and the
// record does not have. What mx stands for was evaluated; what another record
// holds to which this one leads is its owner's.
func (c *comparison) lacking(r Record, live string) []string {
	have := strings.Fields(strings.ToLower(live))
	for i := range have {
		have[i] = wholeAddress(have[i])
	}
	if slices.ContainsFunc(have, func(t string) bool { return strings.HasPrefix(t, "redirect=") }) {
		return nil
	}
	var lacks []string
	for _, term := range strings.Fields(r.Value)[1:] {
		plain := wholeAddress(strings.ToLower(strings.TrimPrefix(term, "+")))
		if plain == "mx" || plain == "a" || mechanism(term) == "all" || slices.Contains(have, plain) || slices.Contains(have, "+"+plain) {
			continue
		}
		lacks = append(lacks, term)
	}
	return lacks
}

// wholeAddress writes a network of one address as that address.
func wholeAddress(term string) string {
	return strings.TrimSuffix(strings.TrimSuffix(term, "/128"), "/32")
}

// beginsWithOurs reports whether the planned record lets our addresses send by
// its first term, so that nothing that follows needs to be evaluated: mx where
// the mail host takes mail, a for its own name.
func (c *comparison) beginsWithOurs(r Record) bool {
	fields := strings.Fields(r.Value)
	if len(fields) < 2 {
		return false
	}
	takesMail := slices.ContainsFunc(c.records, func(p Record) bool { return p.Purpose == Receive && sameHost(p.Value, c.mailHost()) })
	return fields[1] == "mx" && r.Purpose == SPF && takesMail || fields[1] == "a" && sameHost(r.Name, c.mailHost())
}

// authorizes evaluates a record for each of our addresses, as the server has
// it whose answer is judged.
func (c *comparison) authorizes(r Record, live string) verdict {
	resolver := &seenResolver{seen: c.seen, instead: map[Question]string{{canonicalName(r.Name), "TXT"}: live}}
	for _, p := range c.records {
		if p.Purpose != Address || p.Name == r.Name && r.Purpose == SPF && p.Name != c.mailHost() {
			continue
		}
		addr, err := netip.ParseAddr(p.Value)
		if err != nil {
			continue
		}
		result := spf.CheckMailFrom(context.Background(), resolver, spf.Client{Addr: addr, Helo: c.mailHost()}, gomail.Address{Local: "postmaster", Domain: r.Name})
		switch result.Status {
		case spf.Pass:
		case spf.TempError:
			return verdict{Unknown, "spf_unknown", "It names records that could not be looked up, so it cannot be evaluated now."}
		case spf.PermError:
			return wrong("spf_permerror", "Receivers give up on it (%s): publish the value of this record.", result.Reason)
		default:
			return wrong("spf_not_authorized", "It does not let %s send for %s: add mx to it.", addr, r.Name)
		}
	}
	return good
}

// mailHost is the name of the host that sends: that of the HELO record and of
// the reverse names, which need not be the first MX.
func (c *comparison) mailHost() string { return sendingHost(c.records) }

// judgeEnding compares how the records treat everybody else.
func judgeEnding(r Record, live string) verdict {
	order := []string{"?all", "~all", "-all"}
	ending := func(text string) int {
		for _, term := range strings.Fields(strings.ToLower(text)) {
			if i := slices.Index(order, term); i >= 0 {
				return i // what follows it is a modifier, or never reached
			}
		}
		return -1
	}
	got, want := ending(live), ending(r.Value)
	switch {
	case strings.Contains(strings.ToLower(live), "redirect="):
		return differs("spf_redirect", "It leads to another record, which lets this server send.")
	case got < want:
		return wrong("spf_weaker", "It does not end with %s as planned: anybody's mail passes more easily than it should.", order[want])
	case got > want:
		return differs("spf_stricter", "It ends with %s, stricter than planned.", order[got])
	}
	return differs("spf_more", "It lets others send too, and this server with them.")
}

// countLookups counts the terms that ask the DNS, those of included records
// with them (RFC 7208 section 4.6.4).
func (c *comparison) countLookups(record string, done map[string]bool) int {
	n := 0
	for _, term := range strings.Fields(record)[1:] {
		name := mechanism(term)
		switch name {
		case "a", "mx", "ptr", "exists":
			n++
		case "include", "redirect":
			n++
			_, target, _ := strings.Cut(strings.ReplaceAll(term, "=", ":"), ":")
			if target = canonicalName(target); done[target] {
				continue
			}
			done[target] = true
			if a, ok := c.seen.first(target, "TXT"); ok {
				for _, v := range a.Values {
					if spf.IsRecord(v.Text) {
						n += c.countLookups(v.Text, done)
					}
				}
			}
		}
	}
	return n
}

// countVoid counts the look-ups that find nothing, those of included records
// with them (RFC 7208 section 4.6.4). An include without a record is an error
// of its own.
func (c *comparison) countVoid(record string) int {
	n := 0
	for _, term := range strings.Fields(record)[1:] {
		_, target, named := strings.Cut(term, ":")
		target, _, _ = strings.Cut(target, "/")
		kinds := map[string][]string{"a": {"A", "AAAA"}, "mx": {"MX"}, "exists": {"A"}}[mechanism(term)]
		if !named || len(kinds) == 0 || strings.Contains(target, "%") {
			continue
		}
		void := true
		for _, kind := range kinds {
			a, ok := c.seen.first(target, kind)
			void = void && ok && len(a.Values) == 0
		}
		if void {
			n++
		}
	}
	return n
}

// FollowUps returns what else has to be asked before Compare knows enough:
// what SPF records name, and where a record may have landed by mistake. It is
// to be called until it returns nothing; a bound keeps a record that includes
// without end, or names thousands, from being followed for ever: each question
// goes to servers that its author chose.
func FollowUps(records []Record, seen Seen) []Question {
	const most = 150
	room := len(Questions(records)) + most - len(seen.Answers)
	if room <= 0 {
		return nil
	}
	c := comparison{records: records, seen: seen}
	resolver := &seenResolver{seen: seen}
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		a, ok := seen.first(r.Name, r.Type)
		if r.Purpose == SPF && ok {
			c.askSPF(r, resolver)
		}
		if other := c.unplannedFamily(r); other != "" {
			resolver.want(r.Name, other)
		}
		if ok && !c.judge(r, a).accepted() {
			c.askAround(r, a, resolver)
		}
		if r.Type == "PTR" {
			resolver.want(r.Value, reverseKind(r.Name))
		}
	}
	return resolver.unknown[:min(len(resolver.unknown), room)]
}

// askAround wants to know why a record is not right: where it may have landed
// instead, and whether a wildcard answers in its place.
func (c *comparison) askAround(r Record, a Answer, resolver *seenResolver) {
	if c.missing(r).code == "missing" || len(a.Values) == 0 {
		for _, p := range c.mislaid(r) {
			resolver.want(p.name, r.Type)
		}
	}
	if name := c.wildcard(r); name != "" && len(a.Values) > 0 {
		resolver.want(name, r.Type)
	}
}

// askSPF evaluates a record to find out what it asks.
func (c *comparison) askSPF(r Record, resolver *seenResolver) {
	for _, p := range c.records {
		if addr, err := netip.ParseAddr(p.Value); err == nil && p.Purpose == Address {
			spf.CheckMailFrom(context.Background(), resolver, spf.Client{Addr: addr, Helo: c.mailHost()}, gomail.Address{Local: "postmaster", Domain: r.Name})
		}
	}
	a, _ := c.seen.first(r.Name, "TXT")
	for _, v := range a.Values {
		if spf.IsRecord(v.Text) {
			c.askNames(v.Text, resolver)
			c.askIncludes(v.Text, resolver, map[string]bool{})
		}
	}
}

// askNames wants what the record's own mechanisms name, to count those that
// do not exist.
func (c *comparison) askNames(record string, resolver *seenResolver) {
	for _, term := range strings.Fields(record)[1:] {
		_, target, named := strings.Cut(term, ":")
		target, _, _ = strings.Cut(target, "/")
		if !named || strings.Contains(target, "%") {
			continue
		}
		for _, kind := range map[string][]string{"a": {"A", "AAAA"}, "mx": {"MX"}, "exists": {"A"}}[mechanism(term)] {
			resolver.want(target, kind)
		}
	}
}

// askIncludes wants the records that are included even where evaluation ends
// before them: they count as look-ups.
func (c *comparison) askIncludes(record string, resolver *seenResolver, done map[string]bool) {
	for _, term := range strings.Fields(record)[1:] {
		if name := mechanism(term); name != "include" && name != "redirect" {
			continue
		}
		_, target, _ := strings.Cut(strings.ReplaceAll(term, "=", ":"), ":")
		target = canonicalName(target)
		if done[target] || strings.Contains(target, "%") || len(done) > 3*maxLookups {
			continue
		}
		done[target] = true
		a, ok := c.seen.first(target, "TXT")
		if !ok {
			resolver.want(target, "TXT")
		}
		for _, v := range a.Values {
			if spf.IsRecord(v.Text) {
				c.askIncludes(v.Text, resolver, done)
			}
		}
	}
}

// seenResolver answers from what was seen and notes what was not.
type seenResolver struct {
	seen    Seen
	instead map[Question]string // what stands there, whatever was seen
	unknown []Question
}

func (s *seenResolver) want(name, kind string) {
	q := Question{canonicalName(name), kind}
	if _, asked := s.seen.Answers[q]; !asked && !slices.Contains(s.unknown, q) {
		s.unknown = append(s.unknown, q)
	}
}

// look returns the values, or an error as a resolver would.
func (s *seenResolver) look(name, kind string) ([]Value, error) {
	if text, ok := s.instead[Question{canonicalName(name), kind}]; ok {
		return []Value{{Text: text}}, nil
	}
	a, ok := s.seen.first(name, kind)
	switch {
	case !ok:
		s.want(name, kind)
		return nil, &net.DNSError{Err: "not asked yet", Name: name, IsTemporary: true}
	case len(a.Values) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return a.Values, nil
}

// LookupTXT is mailauth's.
func (s *seenResolver) LookupTXT(_ context.Context, name string) ([]string, error) {
	values, err := s.look(name, "TXT")
	return texts(values), err
}

// LookupMX is mailauth's.
func (s *seenResolver) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	values, err := s.look(name, "MX")
	var all []*net.MX
	for _, v := range values {
		all = append(all, &net.MX{Host: v.Text, Pref: uint16(v.Priority)})
	}
	return all, err
}

// LookupIPAddr is mailauth's.
func (s *seenResolver) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	a, errA := s.look(host, "A")
	b, errB := s.look(host, "AAAA")
	var all []net.IPAddr
	for _, v := range append(a, b...) {
		all = append(all, net.IPAddr{IP: net.ParseIP(v.Text)})
	}
	if len(all) > 0 {
		return all, nil
	}
	if temporary(errA) {
		return nil, errA
	}
	return nil, errB
}

// LookupAddr is mailauth's. SPF's ptr is not followed.
func (s *seenResolver) LookupAddr(_ context.Context, addr string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
}

func temporary(err error) bool {
	e, ok := err.(*net.DNSError)
	return ok && e.IsTemporary
}
