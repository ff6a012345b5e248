package reports_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/message"
	"gomail/reports"
	"gomail/reports/aggregate"
	"gomail/store"
)

// names is the DNS of a test: TXT records; "SERVFAIL" is a server that fails.
type names map[string]string

func (n names) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch v, ok := n[strings.TrimSuffix(name, ".")]; {
	case v == "SERVFAIL":
		return nil, &net.DNSError{Err: "server failure", Name: name, IsTemporary: true}
	case ok:
		return strings.Split(v, "|"), nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (n names) LookupMX(context.Context, string) ([]*net.MX, error) { return nil, notFound }

func (n names) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { return nil, notFound }

func (n names) LookupAddr(context.Context, string) ([]string, error) { return nil, notFound }

var notFound = &net.DNSError{Err: "no such host", IsNotFound: true}

// outbox keeps what is sent.
type outbox struct {
	sent map[string][]byte // by recipient
	fail bool
}

func (o *outbox) Submit(_ context.Context, _, to gomail.Address, text []byte) error {
	if to.Local == "refused" {
		return errors.New("no room")
	}
	if o.fail {
		return errors.New("the queue is full")
	}
	if o.sent[to.String()] != nil {
		return errors.New("sent twice to " + to.String())
	}
	o.sent[to.String()] = text
	return nil
}

// out is a service that sends reports in a world of its own.
type out struct {
	*testing.T
	*reports.Service
	now    time.Time
	dns    names
	outbox *outbox
	skip   string
}

func newOut(t *testing.T, dns names) *out {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	o := &out{T: t, now: now, dns: dns, outbox: &outbox{sent: map[string][]byte{}}}
	o.Service = reports.New(reports.Config{
		Store: st, Clock: func() time.Time { return o.now }, Logger: slog.New(slog.DiscardHandler),
		Hosted: func(_ context.Context, domain string) (bool, error) { return domain == "ours.example", nil },
	})
	return o
}

// note counts messages from an address in a domain's name.
func (o *out) note(domain, source string, n int) {
	o.Helper()
	for range n {
		o.Note(reports.Judged{
			Policy: aggregate.Policy{Domain: domain, P: "reject", ADKIM: "r", ASPF: "r", Testing: "n"},
			Result: aggregate.Record{
				Source: netip.MustParseAddr(source), Disposition: "pass", DKIM: true, HeaderFrom: domain, EnvelopeFrom: domain,
				Signatures: []aggregate.Signature{{Domain: domain, Selector: "s", Result: "pass"}}, SPFChecks: []aggregate.SPFCheck{{Domain: domain, Scope: "mfrom", Result: "softfail"}},
			},
		})
	}
	if err := o.Flush(o.Context()); err != nil {
		o.Fatal(err)
	}
}

// send has what is due at a time sent, and returns to whom.
func (o *out) send(at time.Time) string {
	o.Helper()
	o.now = at
	err := o.SendDMARC(o.Context(), reports.DMARCConfig{
		Resolver: o.dns, Mailer: o.outbox, Org: "we.example", Hostname: "mail.we.example", From: gomail.Address{Local: "postmaster", Domain: "we.example"},
		Skip: func(domain string) bool { return domain == o.skip },
	})
	if err != nil {
		o.Error(err)
	}
	return strings.Join(slices.Sorted(maps.Keys(o.outbox.sent)), " ")
}

// A report about a day goes out once, after the day, and says how many
// messages were of each kind.
func TestDMARCReportOut(t *testing.T) {
	o := newOut(t, names{"_dmarc.sender.example": "v=DMARC1; p=reject; rua=mailto:dmarc@sender.example"})
	o.note("sender.example", "192.0.2.1", 3)
	o.note("sender.example", "192.0.2.1", 2)
	o.note("sender.example", "2001:db8::1", 1)
	midnight := now.Truncate(24 * time.Hour)
	if to := o.send(midnight.Add(24*time.Hour - time.Second)); to != "" {
		t.Errorf("before the day is over a report went to %s", to)
	}
	for range 2 { // sending it twice is an error of the outbox
		if to := o.send(midnight.Add(30 * time.Hour)); to != "dmarc@sender.example" {
			t.Errorf("reports went to %q", to)
		}
	}
	r, mail := opened(t, o.outbox.sent["dmarc@sender.example"])
	if len(r.Records) != 2 || r.Records[0].Count != 5 || r.Records[1].Count != 1 || r.Org != "we.example" || r.Policy.Domain != "sender.example" || r.Policy.P != "reject" ||
		!r.Begin.Equal(midnight) || !r.End.Equal(midnight.Add(24*time.Hour-time.Second)) || !r.Records[0].DKIM || r.Records[0].SPF || r.Records[0].Disposition != "pass" {
		t.Errorf("the report is %+v", r)
	}
	for _, want := range []string{
		"Subject: Report Domain: sender.example Submitter: we.example Report-ID: <20261125.sender.example@mail.we.example>", "Auto-Submitted: auto-generated",
		`filename="we.example!sender.example!1795564800!1795651199.xml.gz"`, "From: <postmaster@we.example>",
	} {
		if !strings.Contains(strings.ReplaceAll(mail, "\r\n ", " "), want) {
			t.Errorf("%q is not in\n%s", want, mail[:600])
		}
	}
}

// opened returns the report that a message carries.
func opened(t *testing.T, mail []byte) (aggregate.Report, string) {
	t.Helper()
	var x message.Indexer
	x.Write(mail)
	part, ok := x.Finish().Part([]int{2})
	if !ok {
		t.Fatalf("no attachment in\n%s", mail)
	}
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(bytes.ReplaceAll(mail[part.Body.Offset:part.Body.End()], []byte("\r\n"), nil))))
	if err != nil {
		t.Fatal(err)
	}
	document, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	r, err := aggregate.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(mail)
}

// Only who is the domain's own, or says in its DNS that it takes them, gets
// reports.
func TestDMARCReportTargets(t *testing.T) {
	for name, c := range map[string]struct {
		record string
		more   names
		want   string
	}{
		"own domain":            {"rua=mailto:a@sender.example", nil, "a@sender.example"},
		"same organisation":     {"rua=mailto:a@reports.sender.example", nil, "a@reports.sender.example"},
		"elsewhere":             {"rua=mailto:a@victim.example", nil, ""},
		"elsewhere, agreed":     {"rua=mailto:a@service.example", names{"sender.example._report._dmarc.service.example": "v=DMARC1"}, "a@service.example"},
		"agreed for another":    {"rua=mailto:a@service.example", names{"other.example._report._dmarc.service.example": "v=DMARC1"}, ""},
		"agreed, another text":  {"rua=mailto:a@service.example", names{"sender.example._report._dmarc.service.example": "hello"}, ""},
		"agreed, and replaced":  {"rua=mailto:a@service.example", names{"sender.example._report._dmarc.service.example": "v=DMARC1; rua=mailto:b@service.example"}, "b@service.example"},
		"replaced by a third":   {"rua=mailto:a@service.example", names{"sender.example._report._dmarc.service.example": "v=DMARC1; rua=mailto:b@victim.example"}, "a@service.example"},
		"several":               {"rua=mailto:a@sender.example,mailto:b@sender.example!10m, mailto:a@sender.example,https://x.example/", nil, "a@sender.example b@sender.example"},
		"very many":             {"rua=mailto:1@sender.example,mailto:2@sender.example,mailto:3@sender.example,mailto:4@sender.example,mailto:5@sender.example,mailto:6@sender.example", nil, "1@sender.example 2@sender.example 3@sender.example 4@sender.example 5@sender.example"},
		"no address any more":   {"", nil, ""},
		"skipped":               {"skip; rua=mailto:a@sender.example", nil, ""},
		"the DNS fails at once": {"SERVFAIL", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dns := names{"_dmarc.sender.example": "v=DMARC1; p=none; " + c.record}
			for k, v := range c.more {
				dns[k] = v
			}
			if c.record == "SERVFAIL" {
				dns["_dmarc.sender.example"] = c.record
			}
			o := newOut(t, dns)
			if strings.HasPrefix(c.record, "skip") {
				o.skip = "sender.example"
			}
			o.note("sender.example", "192.0.2.1", 1)
			if to := o.send(now.Add(24 * time.Hour)); to != c.want {
				t.Errorf("reports went to %q, want %q", to, c.want)
			}
		})
	}
}

// What fails for now is tried again, for three days.
func TestDMARCReportRetries(t *testing.T) {
	o := newOut(t, names{"_dmarc.sender.example": "SERVFAIL", "_dmarc.late.example": "SERVFAIL"})
	o.note("sender.example", "192.0.2.1", 1)
	o.note("late.example", "192.0.2.1", 1)
	if to := o.send(now.Add(24 * time.Hour)); to != "" {
		t.Errorf("reports went to %q", to)
	}
	o.dns["_dmarc.sender.example"] = "v=DMARC1; p=none; rua=mailto:a@sender.example"
	o.outbox.fail = true
	o.send(now.Add(25 * time.Hour))
	o.outbox.fail = false
	if to := o.send(now.Add(26 * time.Hour)); to != "a@sender.example" {
		t.Errorf("after the DNS and the queue are back, reports went to %q", to)
	}
	o.send(now.Add(96 * time.Hour)) // late.example is given up
	o.dns["_dmarc.late.example"] = "v=DMARC1; p=none; rua=mailto:a@late.example"
	if to := o.send(now.Add(97 * time.Hour)); to != "a@sender.example" {
		t.Errorf("after four days reports went to %q", to)
	}
}

// What would be a report to ourselves is kept at once.
func TestDMARCReportToOurselves(t *testing.T) {
	o := newOut(t, names{"_dmarc.ours.example": "v=DMARC1; p=none; rua=mailto:postmaster@ours.example"})
	o.note("ours.example", "203.0.113.9", 4)
	if to := o.send(now.Add(24 * time.Hour)); to != "" {
		t.Errorf("a report about a domain of ours went to %q", to)
	}
	e, err := o.Evidence(t.Context(), "ours.example", now.AddDate(0, 0, -3))
	if err != nil || len(e.Sources) != 1 || e.Sources[0].Days[0].Messages != 4 {
		t.Errorf("evidence: %+v, %v", e.Sources, err)
	}
}

// However many names mail is sent in, a day has its bounds.
func TestJudgedIsBounded(t *testing.T) {
	o := newOut(t, names{"_dmarc.sender.example": "v=DMARC1; p=none; rua=mailto:a@sender.example"})
	for i := range reports.MaxJudged + 100 {
		o.Note(reports.Judged{
			Policy: aggregate.Policy{Domain: "sender.example"},
			Result: aggregate.Record{Source: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), HeaderFrom: "sender.example"},
		})
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.send(now.Add(24 * time.Hour))
	r, _ := opened(t, o.outbox.sent["a@sender.example"])
	if len(r.Records) != reports.MaxJudged || len(r.Errors) != 1 {
		t.Errorf("%d records, errors %q", len(r.Records), r.Errors)
	}
}

// An address that cannot be written to does not have the others get the report
// over and over.
func TestDMARCReportOutToSome(t *testing.T) {
	o := newOut(t, names{"_dmarc.sender.example": "v=DMARC1; p=reject; rua=mailto:dmarc@sender.example,mailto:refused@sender.example"})
	o.note("sender.example", "192.0.2.1", 1)
	midnight := now.Truncate(24 * time.Hour)
	for _, want := range []string{"dmarc@sender.example", ""} {
		if to := o.send(midnight.Add(30 * time.Hour)); to != want {
			t.Errorf("reports went to %q, want %q", to, want)
		}
		clear(o.outbox.sent)
	}
}
