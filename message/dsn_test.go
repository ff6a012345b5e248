package message_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/message"
)

func failure() message.DSN {
	when := time.Date(2026, 4, 1, 10, 20, 30, 0, time.UTC)
	return message.DSN{
		ReportingMTA: "mail.example.com", To: gomail.Address{Local: "anna", Domain: "example.com"},
		EnvelopeID: "QQ314159", Arrival: when, Subject: "=?utf-8?q?Gr=C3=BC=C3=9Fe?= and more",
		Recipients: []message.DSNRecipient{{
			Original: "rfc822;bob@example.net", Final: gomail.Address{Local: "bob", Domain: "example.net"},
			Action: message.DSNFailed, Status: "5.1.1", RemoteMTA: "mx.example.net",
			DiagnosticCode: "550 5.1.1 <bob@example.net>: no such user\r\nhere", LastAttempt: when.Add(time.Minute),
		}},
		Original: []byte("From: anna@example.com\r\nSubject: x\r\nMessage-ID: <1@example.com>\r\n\r\nbody\r\n"),
		Date:     when.Add(2 * time.Minute), MessageID: "<dsn@mail.example.com>", Boundary: "b0123456789",
	}
}

func delay() message.DSN {
	d := failure()
	d.Subject = "Hello"
	d.Recipients[0].Action, d.Recipients[0].Status = message.DSNDelayed, "4.4.1"
	d.Recipients[0].RemoteMTA, d.Recipients[0].DiagnosticCode = "", "connection to mx.example.net timed out"
	d.Recipients[0].WillRetryUntil = d.Arrival.Add(5 * 24 * time.Hour)
	return d
}

func international() message.DSN {
	d := failure()
	d.Recipients[0].Final.Local, d.Recipients[0].Original = "jürgen", "utf-8;jürgen@example.net"
	d.Original = []byte("From: anna@example.com\r\nSubject: Grüße\r\n\r\nGrüße\r\n")
	d.OriginalFull = true
	return d
}

func TestDSNGolden(t *testing.T) {
	for name, d := range map[string]message.DSN{"failed": failure(), "delayed": delay(), "international": international()} {
		raw := message.BuildDSN(d)
		golden(t, "testdata/dsn-"+name+".golden", string(raw))
		checkDSN(t, raw, len(d.Recipients))
	}
}

// checkDSN holds whatever strangers wrote into it.
func checkDSN(t *testing.T, raw []byte, recipients int) {
	t.Helper()
	checkIndex(t, raw)
	root := indexOf(raw).Root
	if root.Subtype != "report" || len(root.Children) != 3 {
		t.Fatalf("not a report of three parts:\n%s", raw)
	}
	status := root.Children[1]
	body := string(raw[status.Body.Offset:status.Body.End()])
	if n := strings.Count("\r\n"+body, "\r\nAction: "); n != recipients {
		t.Fatalf("%d actions for %d recipients:\n%s", n, recipients, body)
	}
	for _, line := range bytes.Split(raw[:status.Body.End()], []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("line %q", line)
		}
	}
}

func FuzzBuildDSN(f *testing.F) {
	f.Add("550 no\r\n\r\nAction: x", "rfc822;a@b", "id", "Hello", "mx.example.net")
	f.Fuzz(func(t *testing.T, diagnostic, original, id, subject, remote string) {
		d := failure()
		d.EnvelopeID, d.Subject = id, subject
		r := &d.Recipients[0]
		r.DiagnosticCode, r.Original, r.RemoteMTA = diagnostic, original, remote
		checkDSN(t, message.BuildDSN(d), 1)
	})
}
