package aggregate

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gomail"
)

// MaxRecords is how many records a report may have.
const MaxRecords = 10_000

// Limits within a report.
const (
	maxList  = 20            // results or reasons of a record, errors of a report
	maxCount = 1_000_000_000 // messages of a record
)

// element is an element that reports have.
type element uint8

const (
	other element = iota
	feedback
	reportMetadata
	dateRange
	policyPublished
	record
	row
	policyEvaluated
	reason
	identifiers
	authResults
	dkimElement
	spfElement
)

// containers are the elements that hold others. All others are leaves, and
// known by where they stand.
func container(parent element, name []byte) element {
	switch string(name) {
	case "feedback":
		return feedback
	case "report_metadata":
		return reportMetadata
	case "date_range":
		return dateRange
	case "policy_published":
		return policyPublished
	case "record":
		return record
	case "row":
		return row
	case "policy_evaluated":
		return policyEvaluated
	case "reason":
		return reason
	case "identifiers", "identities": // the latter in early drafts, and seen
		return identifiers
	case "auth_results":
		return authResults
	case "dkim":
		if parent == authResults {
			return dkimElement
		}
	case "spf":
		if parent == authResults {
			return spfElement
		}
	}
	return other
}

// Parse reads a report. Invalid when the document is no report: not XML, cut
// off, without what it is about or without its numbers. TooMany when it has
// more than MaxRecords records.
func Parse(document []byte) (Report, error) {
	p := parser{scanner: newScanner(document), known: map[string]string{}}
	if err := p.run(); err != nil {
		return Report{}, err
	}
	return p.report, p.report.check()
}

// check holds what a report cannot do without.
func (r Report) check() error {
	switch {
	case r.Policy.Domain == "":
		return invalid("it does not say which domain it is about")
	case r.ID == "":
		return invalid("it has no report_id")
	case r.Begin.IsZero() || r.End.IsZero():
		return invalid("it does not say which time it is about")
	}
	return nil
}

// parser puts a report together.
type parser struct {
	*scanner
	report Report
	now    Record // the record that is being read
	stack  []element
	names  [][]byte // of the elements on the stack
	leaf   []byte   // the text of the element that is open
	full   bool     // the list that the open element belongs to has no room for it
	known  map[string]string
}

func (p *parser) run() error {
	for {
		kind, err := p.next()
		if err != nil {
			return err
		}
		switch kind {
		case tokenOpen:
			err = p.open()
		case tokenText:
			p.leaf = append(p.leaf, p.text[:min(len(p.text), maxText-min(len(p.leaf), maxText))]...)
		case tokenClose:
			err = p.close()
		case tokenEnd:
			return p.finish()
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) finish() error {
	if len(p.stack) > 0 {
		return invalid("it is cut off")
	}
	return nil
}

// open enters an element.
func (p *parser) open() error {
	parent := p.parent()
	e := container(parent, p.name)
	switch {
	case len(p.stack) >= maxDepth:
		return invalid("its elements are nested too deeply")
	case len(p.stack) == 0 && e != feedback:
		return invalid("it is not a feedback element")
	case len(p.stack) > 0 && e == feedback: // its records would take the place of the one that is open
		return invalid("it has a report within the report")
	case e == record && parent == feedback:
		if len(p.report.Records)+p.report.PassedOver >= MaxRecords {
			return gomail.Errorf(gomail.TooMany, "the report has more than %d records", MaxRecords)
		}
		p.now = Record{}
	case e == dkimElement:
		p.now.Signatures, p.full = another(p.now.Signatures)
	case e == spfElement:
		p.now.SPFChecks, p.full = another(p.now.SPFChecks)
	case e == reason:
		p.now.Reasons, p.full = another(p.now.Reasons)
	}
	p.stack, p.names, p.leaf = append(p.stack, e), append(p.names, p.name), p.leaf[:0]
	return nil
}

// another adds an item to a list, unless the list is full.
func another[T any](list []T) (longer []T, full bool) {
	if len(list) >= maxList {
		return list, true
	}
	var item T
	return append(list, item), false
}

func (p *parser) parent() element {
	if len(p.stack) == 0 {
		return other
	}
	return p.stack[len(p.stack)-1]
}

// close leaves an element: a leaf's text is taken, a record is complete.
func (p *parser) close() error {
	last := len(p.stack) - 1
	if last < 0 || !bytes.Equal(p.names[last], p.name) {
		return invalid("its tags do not match")
	}
	e, name := p.stack[last], p.names[last]
	p.stack, p.names = p.stack[:last], p.names[:last]
	switch {
	case e == record && p.parent() == feedback:
		p.take()
	case e == other && len(p.leaf) > 0:
		p.set(p.parent(), string(name), bytes.TrimSpace(p.leaf))
	}
	p.leaf = p.leaf[:0]
	return nil
}

// take keeps a record that is complete.
func (p *parser) take() {
	r := p.now
	if !r.Source.IsValid() || r.Count < 1 || r.Count > maxCount {
		p.report.PassedOver++
		return
	}
	p.report.Records = append(p.report.Records, r)
}

// set takes a leaf's text by where it stands.
func (p *parser) set(parent element, name string, text []byte) {
	switch parent {
	case reportMetadata, dateRange:
		p.setMetadata(name, text)
	case policyPublished:
		p.setPolicy(name, text)
	case row, policyEvaluated, reason:
		p.setRow(parent, name, text)
	case identifiers:
		p.setIdentifier(name, text)
	case dkimElement:
		if !p.full {
			p.setSignature(name, text)
		}
	case spfElement:
		if !p.full {
			p.setSPF(name, text)
		}
	}
}

func (p *parser) setMetadata(name string, text []byte) {
	r := &p.report
	switch name {
	case "org_name":
		r.Org = clean(text)
	case "email":
		r.Email = clean(text)
	case "extra_contact_info":
		r.ExtraContact = clean(text)
	case "report_id":
		r.ID = clean(text)
	case "generator":
		r.Generator = clean(text)
	case "error":
		if len(r.Errors) < maxList {
			r.Errors = append(r.Errors, clean(text))
		}
	case "begin":
		r.Begin = moment(text)
	case "end":
		r.End = moment(text)
	}
}

func (p *parser) setPolicy(name string, text []byte) {
	o := &p.report.Policy
	switch name {
	case "domain":
		o.Domain = p.domain(text)
	case "p":
		o.P = p.word(text)
	case "sp":
		o.SP = p.word(text)
	case "np":
		o.NP = p.word(text)
	case "adkim":
		o.ADKIM = p.word(text)
	case "aspf":
		o.ASPF = p.word(text)
	case "fo":
		o.FO = p.word(text)
	case "testing":
		o.Testing = p.word(text)
	case "discovery_method":
		o.Discovery = p.word(text)
	}
}

func (p *parser) setRow(parent element, name string, text []byte) {
	r := &p.now
	switch name {
	case "source_ip":
		a, _ := netip.ParseAddr(string(text))
		r.Source = a.Unmap().WithZone("")
	case "count":
		r.Count = number(text)
	case "disposition":
		r.Disposition = p.word(text)
	case "dkim":
		r.DKIM = bytes.EqualFold(text, []byte("pass"))
	case "spf":
		r.SPF = bytes.EqualFold(text, []byte("pass"))
	case "type":
		if n := len(r.Reasons); parent == reason && !p.full {
			r.Reasons[n-1].Type = p.word(text)
		}
	case "comment":
		if n := len(r.Reasons); parent == reason && !p.full {
			r.Reasons[n-1].Comment = p.keep(clean(text))
		}
	}
}

func (p *parser) setIdentifier(name string, text []byte) {
	switch name {
	case "header_from":
		p.now.HeaderFrom = p.domain(text)
	case "envelope_from":
		p.now.EnvelopeFrom = p.domain(text)
	case "envelope_to":
		p.now.EnvelopeTo = p.domain(text)
	}
}

func (p *parser) setSignature(name string, text []byte) {
	s := &p.now.Signatures[len(p.now.Signatures)-1]
	switch name {
	case "domain":
		s.Domain = p.domain(text)
	case "selector":
		s.Selector = p.keep(clean(text))
	case "result":
		s.Result = p.word(text)
	}
}

func (p *parser) setSPF(name string, text []byte) {
	s := &p.now.SPFChecks[len(p.now.SPFChecks)-1]
	switch name {
	case "domain":
		s.Domain = p.domain(text)
	case "scope":
		s.Scope = p.word(text)
	case "result":
		s.Result = p.word(text)
	}
}

// word is a text of a few known ones, in lower case.
func (p *parser) word(text []byte) string { return p.keep(strings.ToLower(clean(text))) }

// domain is a name as domains are compared. Some write the whole return
// address, or <> where there is none.
func (p *parser) domain(text []byte) string {
	if known, ok := p.known[string(text)]; ok {
		return known
	}
	name := strings.Trim(clean(text), "<>")
	name = name[strings.LastIndexByte(name, '@')+1:]
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	p.remember(string(text), name)
	return name
}

// keep returns a string that equal ones share: a report says the same
// thousands of times.
func (p *parser) keep(s string) string {
	if known, ok := p.known[s]; ok && known == s {
		return known
	}
	p.remember(s, s)
	return s
}

func (p *parser) remember(text, value string) {
	if _, ok := p.known[text]; !ok && len(p.known) < MaxRecords {
		p.known[text] = value
	}
}

// clean makes a text fit to be kept and shown: valid UTF-8, nothing that
// controls a terminal.
func clean(text []byte) string {
	for _, c := range text {
		if c < ' ' || c >= 0x7f {
			return strings.Map(printable, strings.ToValidUTF8(string(text), "\ufffd"))
		}
	}
	return string(text)
}

func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

// number reads a count: some write 1.0.
func number(text []byte) int {
	digits, _, _ := strings.Cut(string(text), ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// moment reads seconds since 1970: some write milliseconds, or fractions. Zero:
// it is neither.
func moment(text []byte) time.Time {
	n := number(text)
	if n > 100_000_000_000 {
		n /= 1000
	}
	if n <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}
