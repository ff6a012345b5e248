package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"gomail"
)

// hostile are values by which somebody tries to write lines of their own.
var hostile = []string{
	"x\r\nInjected: yes", "x\nInjected: yes", "x\rInjected: yes", "x\r\n\r\nInjected: body", "x\x00\r\nInjected: yes", "x\r\n\tInjected: yes\r\nInjected: yes",
	"x\u2028Injected: yes", "x\u0085\r\nInjected: yes", "--boundary--\r\nInjected: yes", "=?utf-8?q?x=0d=0aInjected:_yes?=",
}

// lines without a field of somebody's own.
func checkInjection(t *testing.T, what string, text []byte) {
	t.Helper()
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("%s: a line holds a control character: %q", what, line)
		}
		if strings.HasPrefix(line, "Injected:") {
			t.Errorf("%s: somebody's own line stands in\n%s", what, text)
			return
		}
	}
}

// Nothing that a sender, a recipient or another server says becomes a line of
// a notification.
func TestNoInjectionIntoDSN(t *testing.T) {
	for _, h := range hostile {
		set := map[string]func(*DSN){
			"subject":       func(d *DSN) { d.Subject = h },
			"envelope id":   func(d *DSN) { d.EnvelopeID = h },
			"sender":        func(d *DSN) { d.To.Local = h },
			"original":      func(d *DSN) { d.Recipients[0].Original = "rfc822;" + h },
			"original type": func(d *DSN) { d.Recipients[0].Original = h },
			"final":         func(d *DSN) { d.Recipients[0].Final.Local = h },
			"final domain":  func(d *DSN) { d.Recipients[0].Final.Domain = h },
			"reply":         func(d *DSN) { d.Recipients[0].DiagnosticCode = "550 " + h },
			"status":        func(d *DSN) { d.Recipients[0].Status = h },
			"remote":        func(d *DSN) { d.Recipients[0].RemoteMTA = h },
		}
		for name, change := range set {
			d := DSN{
				ReportingMTA: "mail.example.com", From: "x <postmaster@example.com>", To: gomail.Address{Local: "anna", Domain: "example.com"}, Date: time.Unix(0, 0), MessageID: "<1@example.com>", Boundary: "boundary",
				Arrival: time.Unix(0, 0), Recipients: []DSNRecipient{{Final: gomail.Address{Local: "bob", Domain: "example.org"}, Action: DSNFailed, Status: "5.1.1"}},
			}
			change(&d)
			checkInjection(t, fmt.Sprintf("%s %q", name, h[:min(len(h), 20)]), BuildDSN(d))
		}
	}
}

// FoldField makes one field of whatever it is given.
func TestNoInjectionIntoFields(t *testing.T) {
	for _, h := range hostile {
		field := []byte(FoldField("X-Test", h))
		checkInjection(t, h, field)
		if header, err := ParseHeader(bytes.Clone(field)); err != nil || len(header) != 1 {
			t.Errorf("%q becomes %d fields (%v)", h, len(header), err)
		}
	}
}
