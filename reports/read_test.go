package reports_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gomail/message"
	"gomail/reports"
	"gomail/reports/aggregate"
	"gomail/store"
	"gomail/tlspolicy"
)

// reader is a service that hosts example.com, and what it logged.
type reader struct {
	*testing.T
	*reports.Service
	log bytes.Buffer
}

func newReader(t *testing.T) *reader {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	r := &reader{T: t}
	r.Service = reports.New(reports.Config{
		Store: st, MaxRowsPerDay: 150, Clock: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
		Hosted: func(_ context.Context, domain string) (bool, error) { return domain == "example.com", nil },
	})
	return r
}

// attachment makes a message of one or more parts around a packed report.
func attachment(contentType, name string, packed []byte) string {
	return "From: dmarc@mail.reporter.example\r\nSubject: Report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n--b\r\nContent-Type: " + contentType + "\r\nContent-Disposition: attachment; filename=\"" + name +
		"\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base64.StdEncoding.EncodeToString(packed)) + "--b--\r\n"
}

func lines(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s + "\r\n"
}

// show has a message read that comes from mail.reporter.example.
func (r *reader) show(text string) bool {
	var x message.Indexer
	if _, err := io.WriteString(&x, text); err != nil {
		r.Fatal(err)
	}
	return r.Read(r.Context(), reports.Arrived{ID: "m", Author: "mail.reporter.example", Verified: []string{"bounces.reporter.example"}, Index: x.Finish(), Content: strings.NewReader(text)})
}

func gzipped(document []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(document)
	w.Close()
	return b.Bytes()
}

func zipped(names []string, document []byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			panic(err)
		}
		f.Write(document)
	}
	w.Close()
	return b.Bytes()
}

// about makes a report about yesterday.
func about(domain, id string) aggregate.Report {
	day := now.Truncate(24*time.Hour).AddDate(0, 0, -1)
	return aggregate.Report{
		Org: "Somebody else", ID: id, Begin: day, End: day.Add(24*time.Hour - time.Second), Policy: aggregate.Policy{Domain: domain, P: "none"},
		Records: []aggregate.Record{{
			Source: netip.MustParseAddr("192.0.2.1"), Count: 3, Disposition: "none", DKIM: true, HeaderFrom: domain,
			Signatures: []aggregate.Signature{{Domain: domain, Selector: "mail", Result: "pass"}}, SPFChecks: []aggregate.SPFCheck{{Domain: domain, Scope: "mfrom", Result: "softfail"}},
		}},
	}
}

// Reports are read however they are packed, and once.
func TestReadReports(t *testing.T) {
	r := newReader(t)
	document := func(id string) []byte { return about("example.com", id).Marshal() }
	whole := gzipped(document("whole"))
	for name, text := range map[string]string{
		"gzip":              attachment("application/gzip", "google.com!example.com!1!2.xml.gz", gzipped(document("gzip"))),
		"zip":               attachment("application/zip", "r.zip", zipped([]string{"r.xml"}, document("zip"))),
		"zip, and the same": attachment("application/zip", "r.zip", zipped([]string{"r.xml"}, document("zip"))),
		"gzip in zip":       attachment("application/x-zip-compressed", "", zipped([]string{"dir/", "r.xml.gz"}, gzipped(document("both")))),
		"plain":             attachment("text/xml", "r.xml", document("plain")),
		"wrongly named":     attachment("application/octet-stream", "r.zip", gzipped(document("wrong"))),
		"no multipart":      "From: x@reporter.example\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base64.StdEncoding.EncodeToString(whole)),
	} {
		if !r.show(text) {
			t.Errorf("%s: not read\n%s", name, r.log.String())
		}
	}
	e, err := r.Evidence(t.Context(), "example.com", now.AddDate(0, 0, -7))
	if err != nil || len(e.Sources) != 1 || e.Sources[0].Days[0].Messages != 6*3 || e.Sources[0].Days[0].Unlisted != 6*3 {
		t.Errorf("evidence: %+v, %v", e.Sources, err)
	}
	s, err := r.Summary(t.Context(), "example.com", now.AddDate(0, 0, -7))
	if err != nil || len(s.Reporters) != 1 || s.Reporters[0].Org != "reporter.example" || s.Reporters[0].Reports != 6 {
		t.Errorf("the reporter is not who the mail came from: %+v, %v", s.Reporters, err)
	}
}

func TestReadTLSReport(t *testing.T) {
	r := newReader(t)
	day := now.Truncate(24*time.Hour).AddDate(0, 0, -1)
	policy := func(domain string, failed int) tlspolicy.PolicyReport {
		return tlspolicy.PolicyReport{Type: tlspolicy.PolicySTS, Domain: domain, Successes: 5, Failures: failed, Details: []tlspolicy.FailureDetail{
			{Type: tlspolicy.CertificateExpired, ReceivingMX: "MAIL.example.com.", Sessions: failed},
		}}
	}
	document, err := tlspolicy.Report{
		Organization: "Other", Contact: "x@y.example", ID: "1", Begin: day, End: day.Add(24*time.Hour - time.Second),
		Policies: []tlspolicy.PolicyReport{policy("example.com", 2), policy("elsewhere.example", 7)},
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	text := attachment("application/tlsrpt+gzip", "reporter.example!example.com!1!2.json.gz", gzipped(document))
	for range 2 {
		if !r.show(text) {
			t.Fatal(r.log.String())
		}
	}
	s, err := r.Summary(t.Context(), "example.com", now.AddDate(0, 0, -7))
	if err != nil || len(s.TLS) != 1 || s.TLS[0].Successes != 5 || s.TLS[0].Types["certificate-expired"] != 2 || len(s.TLSHosts) != 1 || s.TLSHosts[0] != (reports.HostFailures{Host: "mail.example.com", Failures: 2}) {
		t.Errorf("TLS: %+v, %+v, %v", s.TLS, s.TLSHosts, err)
	}
}

// What is no report, is not ours, or means harm is not read; nothing of it is
// kept, and the log says why.
func TestReadRefuses(t *testing.T) {
	document := about("example.com", "1").Marshal()
	nested, endless := document, document
	for range 4 {
		nested, endless = zipped([]string{"x.zip"}, nested), gzipped(endless)
	}
	old := about("example.com", "1")
	old.Begin, old.End = old.Begin.AddDate(0, -2, 0), old.End.AddDate(0, -2, 0)
	bomb := append([]byte(nil), document...)
	bomb = append(bomb, bytes.Repeat([]byte("<!-- -->"), 26<<20)...) // 200 MiB of XML
	for name, c := range map[string]struct{ text, why string }{
		"plain mail":             {"From: x@reporter.example\r\n\r\nHello\r\n", ""},
		"a picture":              {attachment("image/png", "x.png", []byte("\x89PNG")), ""},
		"another attachment":     {attachment("application/pdf", "x.pdf", []byte("%PDF-1.4")), ""},
		"another domain":         {attachment("text/xml", "r.xml", about("elsewhere.example", "1").Marshal()), "not hosted here"},
		"long ago":               {attachment("text/xml", "r.xml", old.Marshal()), "too long ago"},
		"a zip bomb":             {attachment("application/zip", "r.zip", zipped([]string{"r.xml"}, bomb)), "more than 32 MiB"},
		"a tight packing":        {attachment("application/gzip", "r.gz", gzipped(bytes.Repeat([]byte(" "), 20<<20))), "more tightly"},
		"a gzip without end":     {attachment("application/gzip", "r.gz", endless), "packed more than"}, // as one that holds itself
		"a zip within zips":      {attachment("application/zip", "r.zip", nested), "packed more than"},
		"a zip of many":          {attachment("application/zip", "r.zip", zipped(strings.Split(strings.Repeat("x.xml ", 20), " "), document)), "more than 10 files"},
		"a damaged zip":          {attachment("application/zip", "r.zip", append([]byte("PK\x03\x04"), document...)), "damaged"},
		"a damaged gzip":         {attachment("application/gzip", "r.gz", gzipped(document)[:60]), "damaged"},
		"billion laughs":         {attachment("text/xml", "r.xml", []byte(`<!DOCTYPE feedback [<!ENTITY a "&b;&b;">]>`+string(document))), "document type"},
		"JSON of something else": {attachment("application/json", "r.json", []byte(`{"a":1}`)), "report"},
		"within a forwarded one": {"From: x@reporter.example\r\nContent-Type: message/rfc822\r\n\r\n" + attachment("text/xml", "r.xml", document), ""},
	} {
		r := newReader(t)
		if r.show(c.text) {
			t.Errorf("%s: was read", name)
		}
		if log := r.log.String(); !strings.Contains(log, c.why) || c.why == "" && log != "" {
			t.Errorf("%s: logged %q", name, log)
		}
		if e, err := r.Evidence(t.Context(), "example.com", time.Time{}); err != nil || len(e.Sources) != 0 {
			t.Errorf("%s: kept %+v, %v", name, e.Sources, err)
		}
	}
}

// A report that nothing shows to come from its author is not read.
func TestReadForged(t *testing.T) {
	r := newReader(t)
	text := attachment("text/xml", "r.xml", about("example.com", "1").Marshal())
	var x message.Indexer
	io.WriteString(&x, text)
	index := x.Finish()
	for _, m := range []reports.Arrived{
		{Author: "google.com"}, {Author: "google.com", Verified: []string{"reporter.example", "google.com.reporter.example"}}, {Verified: []string{""}},
	} {
		m.Index, m.Content = index, strings.NewReader(text)
		if r.Read(t.Context(), m) {
			t.Errorf("%+v was read", m.Verified)
		}
	}
	if log := r.log.String(); strings.Count(log, "nothing shows") != 3 {
		t.Error(log)
	}
}

// Nobody fills the store with reports of a day.
func TestReadBoundsADay(t *testing.T) {
	r := newReader(t)
	for i := range reports.MaxPerDay + 1 {
		if read := r.show(attachment("text/xml", "r.xml", about("example.com", fmt.Sprint(i)).Marshal())); read != (i < reports.MaxPerDay) {
			t.Fatalf("report %d: %v\n%s", i, read, r.log.String())
		}
	}
}

// All reporters together do not, either.
func TestReadBoundsTheRowsOfADay(t *testing.T) {
	r := newReader(t)
	big := about("example.com", "1")
	for i := range 99 {
		row := big.Records[0]
		row.Source = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		big.Records = append(big.Records, row)
	}
	if !r.show(attachment("text/xml", "r.xml", big.Marshal())) {
		t.Fatal(r.log.String())
	}
	big.ID = "2"
	if r.show(attachment("text/xml", "r.xml", big.Marshal())) || !strings.Contains(r.log.String(), "rows already") {
		t.Errorf("a second report of 100 rows was read\n%s", r.log.String())
	}
	if !r.show(attachment("text/xml", "r.xml", about("example.com", "3").Marshal())) {
		t.Error("a small one was not")
	}
}
