package aggregate

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"time"
)

// Namespace is the namespace of reports, RFC 9990 section 3.1.
const Namespace = "urn:ietf:params:xml:ns:dmarc-2.0"

// Marshal writes the report as RFC 9990 section 3.1 has it. Empty texts are
// left out. Reports that Marshal writes are read back the same by Parse.
func (r Report) Marshal() []byte {
	var w writer
	w.WriteString(xml.Header)
	w.WriteString(`<feedback xmlns="` + Namespace + `">` + "\n")
	w.depth++
	w.leaf("version", "1.0")
	w.within("report_metadata", func() { w.metadata(r) })
	w.within("policy_published", func() { w.policy(r.Policy) })
	for _, record := range r.Records {
		w.within("record", func() { w.record(record) })
	}
	w.depth--
	w.WriteString("</feedback>\n")
	return w.Bytes()
}

// writer writes elements, one a line.
type writer struct {
	bytes.Buffer
	depth int
}

func (w *writer) indent() {
	for range w.depth {
		w.WriteString("  ")
	}
}

// leaf writes an element that holds a text. An empty one is left out.
func (w *writer) leaf(name, text string) {
	if text == "" {
		return
	}
	w.indent()
	w.WriteString("<" + name + ">")
	xml.EscapeText(w, []byte(text)) // a Buffer never fails
	w.WriteString("</" + name + ">\n")
}

// within writes an element that holds others.
func (w *writer) within(name string, content func()) {
	w.indent()
	w.WriteString("<" + name + ">\n")
	w.depth++
	content()
	w.depth--
	w.indent()
	w.WriteString("</" + name + ">\n")
}

func (w *writer) metadata(r Report) {
	w.leaf("org_name", r.Org)
	w.leaf("email", r.Email)
	w.leaf("extra_contact_info", r.ExtraContact)
	w.leaf("report_id", r.ID)
	w.within("date_range", func() {
		w.leaf("begin", seconds(r.Begin))
		w.leaf("end", seconds(r.End))
	})
	for _, e := range r.Errors {
		w.leaf("error", e)
	}
	w.leaf("generator", r.Generator)
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func (w *writer) policy(p Policy) {
	w.leaf("domain", p.Domain)
	w.leaf("discovery_method", p.Discovery)
	w.leaf("p", p.P)
	w.leaf("sp", p.SP)
	w.leaf("np", p.NP)
	w.leaf("fo", p.FO)
	w.leaf("adkim", p.ADKIM)
	w.leaf("aspf", p.ASPF)
	w.leaf("testing", p.Testing)
}

func (w *writer) record(r Record) {
	w.within("row", func() {
		w.leaf("source_ip", r.Source.String())
		w.leaf("count", strconv.Itoa(r.Count))
		w.within("policy_evaluated", func() { w.evaluated(r) })
	})
	w.within("identifiers", func() {
		w.leaf("header_from", r.HeaderFrom)
		w.leaf("envelope_from", r.EnvelopeFrom)
		w.leaf("envelope_to", r.EnvelopeTo)
	})
	w.within("auth_results", func() { w.results(r) })
}

func (w *writer) evaluated(r Record) {
	w.leaf("disposition", r.Disposition)
	w.leaf("dkim", passOrFail(r.DKIM))
	w.leaf("spf", passOrFail(r.SPF))
	for _, reason := range r.Reasons {
		w.within("reason", func() {
			w.leaf("type", reason.Type)
			w.leaf("comment", reason.Comment)
		})
	}
}

func passOrFail(pass bool) string {
	if pass {
		return "pass"
	}
	return "fail"
}

func (w *writer) results(r Record) {
	for _, s := range r.Signatures {
		w.within("dkim", func() {
			w.leaf("domain", s.Domain)
			w.leaf("selector", s.Selector)
			w.leaf("result", s.Result)
		})
	}
	for _, c := range r.SPFChecks {
		w.within("spf", func() {
			w.leaf("domain", c.Domain)
			w.leaf("scope", c.Scope)
			w.leaf("result", c.Result)
		})
	}
}
