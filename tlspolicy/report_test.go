package tlspolicy

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gomail"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The example of RFC 8460 appendix B, read and written again.
func TestReportOfTheRFC(t *testing.T) {
	in, err := os.ReadFile("testdata/rfc8460.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseReport(in)
	if err != nil {
		t.Fatal(err)
	}
	p := r.Policies[0]
	if r.Organization != "Company-X" || r.End.Sub(r.Begin) != 24*time.Hour-time.Second || p.Domain != "company-y.example" || p.Successes != 5326 || p.Failures != 303 ||
		p.Details[1].ReceivingIP != netip.MustParseAddr("203.0.113.56") || p.Details[2].ReasonCode == "" {
		t.Errorf("read: %+v", r)
	}
	out, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, out, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/rfc8460.golden", pretty.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	got = append(bytes.TrimSpace(got), '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s (%v): got\n%s", file, err, got)
	}
}

// What is known of reporters that do not keep to the RFC.
func TestOddReportsAreRead(t *testing.T) {
	const odd = "\ufeff" + `{"organization-name":"Mail.ru","date-range":{"start-datetime":"2024-02-22T00:00:00.000+0000","end-datetime":"2024-02-23 00:00:00"},
		"contact-info":null,"report-id":20240222,"unknown":{"a":[1,2]},
		"policies":{"policy":{"policy-type":"STS","policy-string":"version: STSv1\nmode: enforce\r\nmx: mx.example.com","policy-domain":"Example.COM.","mx-host":"mx.example.com"},
			"summary":{"total-successful-session-count":"17","total-failed-session-count":2.0},
			"failure-details":{"result-type":"Certificate-Expired","sending-mta-ip":"unknown","receiving-ip":"[::ffff:192.0.2.1]","receiving-mx-hostname":"MX.example.com.","failed-session-count":"2","additional-info-uri":"x"}}}`
	r, err := ParseReport([]byte(odd))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2024, 2, 22, 0, 0, 0, 0, time.UTC)
	want := Report{Organization: "Mail.ru", ID: "20240222", Begin: day, End: day.AddDate(0, 0, 1), Policies: []PolicyReport{{
		Type: PolicySTS, Domain: "example.com", Strings: []string{"version: STSv1", "mode: enforce", "mx: mx.example.com"}, MXHosts: []string{"mx.example.com"},
		Successes: 17, Failures: 2,
		Details: []FailureDetail{{Type: CertificateExpired, ReceivingIP: netip.MustParseAddr("192.0.2.1"), ReceivingMX: "mx.example.com", Sessions: 2, MoreInfo: "x"}},
	}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

func TestBadReportsAreRefused(t *testing.T) {
	const good = `{"organization-name":"x","report-id":"1","date-range":{"start-datetime":"2024-02-22T00:00:00Z","end-datetime":"2024-02-23T00:00:00Z"},"policies":[{"policy":{"policy-type":"sts","policy-domain":"example.com"},"summary":{"total-failure-session-count":1}}]}`
	if _, err := ParseReport([]byte(good)); err != nil {
		t.Fatal(err)
	}
	many := strings.Repeat(`{"policy":{"policy-domain":"example.com"}},`, maxPolicies)
	for name, bad := range map[string]struct {
		text string
		kind gomail.Kind
	}{
		"empty":          {"", gomail.Invalid},
		"no JSON":        {"<xml>", gomail.Invalid},
		"cut":            {good[:len(good)-10], gomail.Invalid},
		"an array":       {"[" + good + "]", gomail.Invalid},
		"no id":          {strings.Replace(good, `"1"`, `""`, 1), gomail.Invalid},
		"ends before":    {strings.Replace(good, "2024-02-23", "2024-02-21", 1), gomail.Invalid},
		"no time":        {strings.Replace(good, "2024-02-23T00:00:00Z", "yesterday", 1), gomail.Invalid},
		"no domain":      {strings.Replace(good, "example.com", "exa mple", 1), gomail.Invalid},
		"negative":       {strings.Replace(good, `count":1`, `count":-1`, 1), gomail.Invalid},
		"too high":       {strings.Replace(good, `count":1`, `count":1e300`, 1), gomail.Invalid},
		"not a number":   {strings.Replace(good, `count":1`, `count":"NaN"`, 1), gomail.Invalid},
		"a text is deep": {strings.Replace(good, `"1"`, strings.Repeat("[", 20000), 1), gomail.Invalid},
		"many policies":  {strings.Replace(good, `"policies":[`, `"policies":[`+many, 1), gomail.TooMany},
		"large":          {strings.Repeat(" ", MaxReport) + good, gomail.TooLarge},
	} {
		if _, err := ParseReport([]byte(bad.text)); gomail.KindOf(err) != bad.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTLSRPTRecords(t *testing.T) {
	for txt, want := range map[string][]string{
		"v=TLSRPTv1;rua=mailto:reports@example.com":                               {"mailto:reports@example.com"},
		"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt ;":               {"https://reporting.example.com/v1/tlsrpt"},
		"v=TLSRPTv1 ;\trua = mailto:a@example.com , ftp://x/ ,https://b.example/": nil, // "rua " is another field
		"v=TLSRPTv1; x=y; rua=mailto:a@example.com, ftp://x/ ,https://b.example/": {"mailto:a@example.com", "https://b.example/"},
		"v=TLSRPTv1; rua=mailto:a%2Bb@example.com?subject=x":                      {"mailto:a%2Bb@example.com?subject=x"},
		"v=TLSRPTv1; rua=mailto:nobody":                                           nil,
		"v=TLSRPTv1; rua=https://user:secret@example.com/":                        nil,
		"v=TLSRPTv12; rua=mailto:a@example.com":                                   nil,
		"rua=mailto:a@example.com; v=TLSRPTv1":                                    nil,
		"v=TLSRPTv1":                                                              nil,
		"":                                                                        nil,
	} {
		got, err := ParseTLSRPTRecord(txt)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v", txt, got, err)
		}
	}
	if a, err := MailtoAddress("mailto:a%2Bb@example.com?subject=x"); err != nil || a.String() != "a+b@example.com" {
		t.Errorf("the address of a mailto: %v, %v", a, err)
	}
	one := "v=TLSRPTv1;rua=mailto:reports@example.com"
	if got, err := TLSRPTTargets([]string{"v=spf1 -all", one}); err != nil || len(got) != 1 {
		t.Errorf("one record among others: %v, %v", got, err)
	}
	if _, err := TLSRPTTargets([]string{one, one}); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("two records: %v", err)
	}
}

// BenchmarkReport reads 10,000 kinds of failures, as many as are taken.
func BenchmarkReport(b *testing.B) {
	raw := largeReport(b)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := ParseReport(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func largeReport(tb testing.TB) []byte {
	tb.Helper()
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	r := Report{Organization: "Company-X", Contact: "tls@company-x.example", ID: "1", Begin: day, End: day.AddDate(0, 0, 1)}
	p := PolicyReport{Type: PolicySTS, Domain: "example.com", Strings: []string{"version: STSv1", "mode: enforce", "mx: *.example.com"}, Successes: 1000, Failures: maxDetails}
	for i := range maxDetails {
		p.Details = append(p.Details, FailureDetail{
			Type: CertificateExpired, SendingIP: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), ReceivingIP: netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}),
			ReceivingMX: "mx" + strconv.Itoa(i) + ".example.com", ReceivingHELO: "mx.example.com", Sessions: 1, ReasonCode: "X509_V_ERR_CERT_HAS_EXPIRED",
		})
	}
	r.Policies = append(r.Policies, p)
	raw, err := r.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// What is read can be written, and is read again as the same.
func FuzzReport(f *testing.F) {
	for _, file := range []string{"testdata/rfc8460.json", "testdata/rfc8460.golden"} {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ParseReport(in)
		if err != nil {
			return
		}
		out, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseReport(out)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%v: %+v\nbecame %+v", err, r, again)
		}
	})
}

func FuzzTLSRPTRecord(f *testing.F) {
	f.Add("v=TLSRPTv1; rua=mailto:a@example.com,https://b.example/")
	f.Fuzz(func(t *testing.T, txt string) {
		rua, err := ParseTLSRPTRecord(txt)
		if err == nil && (len(rua) == 0 || len(rua) > maxTargets) {
			t.Fatalf("%q: %q", txt, rua)
		}
	})
}
