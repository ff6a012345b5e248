package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/reports"
	"gomail/reports/aggregate"
	"gomail/tlspolicy"
	"gomail/web/api"
)

// Reports come as mail: those that the mail's author is shown to have sent are
// read, filed as read beside the inbox, and told of; a forged one is only
// mail.
func TestReportsAreRead(t *testing.T) {
	d := startDemo(t)
	sendReports(t, d.SMTP, "127.0.0.2", d.Domain)
	forged := aggregateOf(d.Domain, yesterday())
	forged.ID, forged.Records[0].Count = "forged", 1_000_000
	sendReport(t, d.SMTP, "127.0.0.2", "dmarc@sandbox.test", d.Domain, forged.Marshal(), "application/gzip", "r.xml.gz")

	var got api.DomainReports
	if err := json.Unmarshal([]byte(d.report("show", d.Domain, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Sources) != 2 || !got.Sources[0].Own || got.Sources[0].Messages != 40 || got.Sources[1].Name != "SendGrid" || got.Sources[1].Aligned != 0 {
		t.Errorf("the sources are %+v", got.Sources)
	}
	if len(got.Reporters) != 1 || got.Reporters[0].Org != "remote.test" || got.Reporters[0].Reports != 4 {
		t.Errorf("the reporters are %+v", got.Reporters)
	}
	if len(got.TLSCauses) != 1 || got.TLSCauses[0].Type != "certificate-expired" || len(got.TLSHosts) != 1 || got.TLSHosts[0].Host != "mail."+d.Domain {
		t.Errorf("TLS: %+v, %+v", got.TLSCauses, got.TLSHosts)
	}
	if rows := d.report("rows", d.Domain, "sendgrid.net"); strings.Count(rows, "198.51.100.7") != 4 {
		t.Errorf("the rows are\n%s", rows)
	}
	if read, unread := d.mailbox(d.Admin, "Archive"), d.mailbox(d.Admin, "INBOX"); len(read) != 5 || len(unread) != 1 {
		t.Errorf("%d reports are filed as read, and %d messages in the inbox", len(read), len(unread))
	}
	d.checkClean()
}

// Another program reads what we report.
func TestOthersReadOurReport(t *testing.T) {
	need(t, "dmarc-cat")
	r := aggregateOf("example.com", time.Unix(1795478400, 0).UTC())
	r.Org, r.Policy.P, r.Policy.Discovery, r.Records[1].Reasons = "we.example", "quarantine", "treewalk", []aggregate.Reason{{Type: "local_policy", Comment: "<&>"}}
	path := filepath.Join(t.TempDir(), fmt.Sprintf("we.example!example.com!%d!%d.xml", r.Begin.Unix(), r.End.Unix()))
	if err := os.WriteFile(path, r.Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "", "dmarc-cat", "-N", path)
	for _, want := range []string{"Reporting by: we.example", "From 2026-11-24 00:00:00", "Domain: example.com", "p=quarantine", "Reports(2)", "127.0.0.1    10", "198.51.100.7 3"} {
		if !strings.Contains(out.stdout, want) {
			t.Errorf("%q is not in what it says: %s%s", want, out.stdout, out.stderr)
		}
	}
}

// report runs gomail report.
func (d *demo) report(args ...string) string {
	d.t.Helper()
	r := d.gomail(append([]string{"report"}, args...)...)
	if r.code != 0 {
		d.t.Fatalf("gomail report %v: %s", args, r.stderr)
	}
	return r.stdout
}

func yesterday() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1) }

// aggregateOf makes a report about a day: the domain's own mail, and a service
// that is not authorised.
func aggregateOf(domain string, day time.Time) aggregate.Report {
	return aggregate.Report{
		Org: "remote", ID: day.Format(time.DateOnly), Begin: day, End: day.Add(24*time.Hour - time.Second), Policy: aggregate.Policy{Domain: domain, P: "none"},
		Records: []aggregate.Record{
			{
				Source: netip.MustParseAddr("127.0.0.1"), Count: 10, Disposition: "none", DKIM: true, SPF: true, HeaderFrom: domain, EnvelopeFrom: domain,
				Signatures: []aggregate.Signature{{Domain: domain, Selector: "mail", Result: "pass"}}, SPFChecks: []aggregate.SPFCheck{{Domain: domain, Scope: "mfrom", Result: "pass"}},
			},
			{
				Source: netip.MustParseAddr("198.51.100.7"), Count: 3, Disposition: "none", HeaderFrom: domain, EnvelopeFrom: "em1.sendgrid.net",
				Signatures: []aggregate.Signature{{Domain: "sendgrid.net", Selector: "s1", Result: "pass"}}, SPFChecks: []aggregate.SPFCheck{{Domain: "em1.sendgrid.net", Scope: "mfrom", Result: "pass"}},
			},
		},
	}
}

// sendReports has the remote domain, at from, report of the last four days.
func sendReports(t *testing.T, server, from, domain string) {
	t.Helper()
	for ago := range 4 {
		day := yesterday().AddDate(0, 0, -ago)
		sendReport(t, server, from, "dmarc@remote.test", domain, aggregateOf(domain, day).Marshal(), "application/gzip", "r.xml.gz")
	}
	day := yesterday()
	document, err := tlspolicy.Report{
		Organization: "remote", Contact: "tls@remote.test", ID: "1", Begin: day, End: day.Add(24*time.Hour - time.Second),
		Policies: []tlspolicy.PolicyReport{{
			Type: tlspolicy.PolicySTS, Domain: domain, Successes: 20, Failures: 2,
			Details: []tlspolicy.FailureDetail{{Type: tlspolicy.CertificateExpired, ReceivingMX: "mail." + domain, Sessions: 2}},
		}},
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sendReport(t, server, from, "tls@remote.test", domain, document, "application/tlsrpt+gzip", "r.json.gz")
}

// sendReport sends a document from an address of this machine, as SPF sees it.
func sendReport(t *testing.T, server, ip, from, domain string, document []byte, contentType, name string) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(document); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	to := gomail.Address{Local: "postmaster", Domain: domain}
	local, at, _ := strings.Cut(from, "@")
	mail := reports.Mail{
		From: gomail.Address{Local: local, Domain: at}, To: to, Subject: "Report", Date: time.Now(), Text: "A report.\n", ContentType: contentType, FileName: name, Attachment: packed.Bytes(),
	}.Render()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, "mx")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []func() error{
		func() error { return c.Hello("mx.remote.test") },
		func() error { return c.Mail(from) },
		func() error { return c.Rcpt(to.String()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	data, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.Write(mail); err != nil {
		t.Fatal(err)
	}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
}
