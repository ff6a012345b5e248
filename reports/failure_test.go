package reports_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/mailauth/dmarc"
	"gomail/message"
	"gomail/reports"
)

func failure(domain string, options ...string) reports.Failure {
	header, err := message.ParseHeader([]byte("From: Anna Secret <anna@sender.example>\r\nTo: victim@ours.example\r\nSubject: private\r\nDate: Mon, 04 May 2026 03:02:01 +0000\r\n"))
	if err != nil {
		panic(err)
	}
	return reports.Failure{
		At: now, Client: netip.MustParseAddr("192.0.2.1"), From: gomail.Address{Local: "anna", Domain: "sender.example"}, Author: domain, Domain: domain, Disposition: "reject",
		Record: dmarc.Record{RUF: []string{"mailto:ruf@" + domain}, FailureOptions: options}, Results: "mail.we.example; spf=fail smtp.mailfrom=sender.example", Header: header,
	}
}

// tell has failures reported and returns the messages by recipient.
func tell(t *testing.T, dns names, all ...reports.Failure) (sent map[string][]byte) {
	o := newOut(t, dns)
	for _, f := range all {
		o.NoteFailure(f)
	}
	o.SendFailures(t.Context(), reports.FailureConfig{
		DMARCConfig: reports.DMARCConfig{Resolver: o.dns, Mailer: o.outbox, Org: "we.example", Hostname: "mail.we.example", From: gomail.Address{Local: "postmaster", Domain: "we.example"}},
		Secret:      []byte("secret"),
	})
	return o.outbox.sent
}

// A failure report says what failed and who claims to have written, and
// nothing that is anybody's business.
func TestFailureReport(t *testing.T) {
	text := string(tell(t, nil, failure("sender.example", "0"))["ruf@sender.example"])
	for _, want := range []string{
		"report-type=feedback-report", "Feedback-Type: auth-failure", "Auth-Failure: dmarc", "Reported-Domain: sender.example", "Source-IP: 192.0.2.1", "Delivery-Result: reject",
		"Identity-Alignment: none", "Authentication-Results: mail.we.example; spf=fail", "@sender.example>", "Date: Mon, 4 May 2026 03:02:01 +0000",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, secret := range []string{"anna", "Anna", "victim", "private"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q stands in\n%s", secret, text)
		}
	}
}

// Who asks for what is told, and nobody who did not ask or may not have it.
func TestFailureReportsWanted(t *testing.T) {
	change := func(f reports.Failure, how func(*reports.Failure)) reports.Failure { how(&f); return f }
	signed := func(f *reports.Failure) { f.DKIM = true }
	for name, c := range map[string]struct {
		f    reports.Failure
		want int
	}{
		"nothing passed":            {failure("sender.example", "0"), 1},
		"something passed":          {change(failure("sender.example", "0"), signed), 0},
		"anything":                  {change(failure("sender.example", "1"), signed), 1},
		"DKIM failed, asked for":    {change(failure("sender.example", "d"), func(f *reports.Failure) { f.DKIM, f.DKIMFailed = true, true }), 1},
		"SPF failed, not asked for": {change(failure("sender.example", "d"), func(f *reports.Failure) { f.SPFFailed = true }), 0},
		"SPF failed":                {change(failure("sender.example", "0", "s"), func(f *reports.Failure) { f.DKIM, f.SPFFailed = true, true }), 1},
		"no address":                {change(failure("sender.example", "0"), func(f *reports.Failure) { f.Record.RUF = nil }), 0},
		"elsewhere":                 {change(failure("sender.example", "0"), func(f *reports.Failure) { f.Record.RUF = []string{"mailto:x@victim.example"} }), 0},
	} {
		if got := len(tell(t, nil, c.f)); got != c.want {
			t.Errorf("%s: %d reports", name, got)
		}
	}
}

// However much is forged, a domain hears of it a few times a day.
func TestFailureReportsAreLimited(t *testing.T) {
	var all []reports.Failure
	for i := range 100 {
		f := failure("sender.example", "0")
		f.Record.RUF = []string{"mailto:r" + time.Duration(i).String() + "@sender.example"}
		all = append(all, f)
	}
	if got := len(tell(t, nil, all...)); got != 20 {
		t.Errorf("%d reports", got)
	}
}
