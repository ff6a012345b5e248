package aggregate

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gomail"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Golden: how each document is understood, and how it is written again.
func TestParseGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(paths) < 2 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		document, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(document)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		again := r.Marshal()
		got := fmt.Sprintf("passed over: %d\n%s", r.PassedOver, again)
		golden := strings.TrimSuffix(path, ".xml") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || string(want) != got {
			t.Errorf("%s is read as\n%s\n(%v)", path, got, err)
		}
		r.PassedOver = 0
		if back, err := Parse(again); err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("%s: written and read again it is\n%+v\nnot\n%+v (%v)", path, back, r, err)
		}
	}
}

// Documents that are no reports, or that mean harm, are refused with a reason.
func TestParseRefuses(t *testing.T) {
	whole := string(usual(1).Marshal())
	for name, c := range map[string]struct{ document, want string }{
		"nothing":               {"", "does not say which domain"},
		"not XML":               {"hello", "does not say which domain"},
		"another document":      {"<html><body/></html>", "not a feedback element"},
		"cut off":               {strings.TrimSuffix(whole, "</feedback>\n"), "cut off"},
		"within a tag":          {whole[:strings.Index(whole, "<record")+3], "ends within a tag"},
		"within CDATA":          {"<feedback><![CDATA[x", "ends within <![CDATA["},
		"a document type":       {`<!DOCTYPE feedback [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>` + whole, "document type"},
		"an external entity":    {`<!DOCTYPE x SYSTEM "file:///etc/passwd"><feedback>&x;</feedback>`, "document type"},
		"tags that do not meet": {"<feedback><record></feedback></record>", "do not match"},
		"a close too many":      {"<feedback></feedback></feedback>", "do not match"},
		"a < too many":          {"<feedback>1 < 2</feedback>", "begins no tag"},
		"depth":                 {"<feedback>" + strings.Repeat("<record>", 1_000_000), "too deeply"},
		"no id":                 {strings.Replace(whole, "report_id>", "rid>", 2), "report_id"},
		"no domain":             {strings.Replace(whole, "<domain>example.com</domain>", "", 1), "which domain"},
		"no dates":              {strings.Replace(whole, "<begin>", "<begin>x", 1), "which time"},
	} {
		_, err := Parse([]byte(c.document))
		if gomail.KindOf(err) != gomail.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(usual(MaxRecords + 1).Marshal()); gomail.KindOf(err) != gomail.TooMany {
		t.Errorf("too many records: %v", err)
	}
}

// What is repeated without end within an element is cut, not kept.
func TestParseBounds(t *testing.T) {
	r := usual(1)
	for range 100 {
		r.Records[0].Signatures = append(r.Records[0].Signatures, Signature{"x.example", "s", "fail"})
		r.Records[0].SPFChecks = append(r.Records[0].SPFChecks, SPFCheck{"x.example", "mfrom", "fail"})
		r.Records[0].Reasons = append(r.Records[0].Reasons, Reason{"other", "x"})
		r.Errors = append(r.Errors, "x")
	}
	r.Records[0].Signatures[99] = Signature{"last.example", "s", "pass"}
	r.Org = strings.Repeat("x", 1<<20)
	got, err := Parse(r.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	one := got.Records[0]
	if len(one.Signatures) != maxList || len(one.SPFChecks) != maxList || len(one.Reasons) != maxList || len(got.Errors) != maxList || len(got.Org) != maxText {
		t.Errorf("kept %d signatures, %d checks, %d reasons, %d errors and %d octets", len(one.Signatures), len(one.SPFChecks), len(one.Reasons), len(got.Errors), len(got.Org))
	}
	if one.Signatures[maxList-1].Domain != "x.example" {
		t.Errorf("the last signature kept is %+v", one.Signatures[maxList-1])
	}
}

// usual makes a report of n records.
func usual(n int) Report {
	r := Report{
		Org: "google.com", Email: "noreply-dmarc-support@google.com", ID: "8293631894893125362",
		Begin: time.Unix(1795478400, 0).UTC(), End: time.Unix(1795564799, 0).UTC(),
		Policy: Policy{Domain: "example.com", P: "none", ADKIM: "r", ASPF: "r"},
	}
	for i := range n {
		r.Records = append(r.Records, Record{
			Source: netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}), Count: i%7 + 1, Disposition: "none", DKIM: i%2 == 0, SPF: i%3 == 0,
			HeaderFrom: "example.com", EnvelopeFrom: "example.com", Signatures: []Signature{{"example.com", "mail", "pass"}}, SPFChecks: []SPFCheck{{"example.com", "mfrom", "pass"}},
		})
	}
	return r
}

// FuzzParse: nothing that is read breaks a bound, and what is read is written
// and read again as the same. Where encoding/xml finds the same texts, so do we.
func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.xml")
	for _, path := range paths {
		document, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
	}
	f.Add(usual(3).Marshal())
	f.Fuzz(func(t *testing.T, document []byte) {
		r, err := Parse(document)
		if err != nil {
			return
		}
		if len(r.Records) > MaxRecords {
			t.Fatal(len(r.Records))
		}
		r.PassedOver = 0
		back, err := Parse(r.Marshal())
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Marshal())
		}
		if !bytes.Equal(back.Marshal(), r.Marshal()) {
			t.Fatalf("%+v\n%+v", r, back)
		}
	})
}

// TestAgreesWithXML compares with encoding/xml on what both take.
func TestAgreesWithXML(t *testing.T) {
	document, err := os.ReadFile("testdata/modern.xml")
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Org     string `xml:"report_metadata>org_name"`
		Contact string `xml:"report_metadata>extra_contact_info"`
		Records []struct {
			Source  string   `xml:"row>source_ip"`
			Comment []string `xml:"row>policy_evaluated>reason>comment"`
			From    string   `xml:"identifiers>header_from"`
			DKIM    []string `xml:"auth_results>dkim>domain"`
		} `xml:"record"`
	}
	if err := xml.Unmarshal(document, &oracle); err != nil {
		t.Fatal(err)
	}
	r, err := Parse(document)
	if err != nil || r.Org != oracle.Org || r.ExtraContact != oracle.Contact || len(r.Records) != len(oracle.Records) {
		t.Fatalf("%+v, encoding/xml: %+v (%v)", r, oracle, err)
	}
	for i, o := range oracle.Records {
		got := r.Records[i]
		if got.Source.String() != o.Source || got.HeaderFrom != o.From || len(got.Signatures) != len(o.DKIM) || len(o.Comment) > 0 && got.Reasons[0].Comment != o.Comment[0] {
			t.Errorf("record %d: %+v, encoding/xml: %+v", i, got, o)
		}
	}
}

// BenchmarkParse reads the largest report that is taken.
func BenchmarkParse(b *testing.B) {
	document := usual(MaxRecords).Marshal()
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(document); err != nil {
			b.Fatal(err)
		}
	}
}

// A feedback element within another would take away the record that is being
// read.
func TestNestedReports(t *testing.T) {
	for _, inside := range []string{
		"<auth_results><dkim>%<domain>a.example</domain></dkim></auth_results>",
		"<auth_results><spf>%<domain>a.example</domain></spf></auth_results>",
		"<row><policy_evaluated><reason>%<type>other</type></reason></policy_evaluated></row>",
	} {
		nested := strings.Replace(inside, "%", "<feedback><record></record></feedback>", 1)
		_, err := Parse([]byte("<feedback><record>" + nested + "</record></feedback>"))
		if gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%s: %v", nested, err)
		}
	}
}
