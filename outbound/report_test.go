package outbound_test

import (
	"strings"
	"testing"

	"gomail"
	"gomail/mailauth/dkim"
)

// A report is signed as its author's domain, and nothing comes back of it.
func TestSubmitReport(t *testing.T) {
	f := newFixture(t)
	const text = "From: <postmaster@example.com>\r\nTo: <tls@one.test>\r\nSubject: report\r\n\r\nx\r\n"
	if err := f.SubmitReport(t.Context(), f.address("postmaster@example.com"), f.address("tls@one.test"), gomail.TLSOptional, []byte(text)); err != nil {
		t.Fatal(err)
	}
	m, sent := f.queued()
	if !m.Envelope.From.IsNull() || m.Rcpts[0].Notify != gomail.NotifyNever || m.Envelope.TLS != gomail.TLSOptional || m.Rcpts[0].Address.String() != "tls@one.test" {
		t.Errorf("queued as %+v", m)
	}
	results := f.verify(sent)
	if len(results) == 0 || results[0].Status != dkim.Pass || !strings.HasSuffix(sent, text) {
		t.Errorf("signatures %+v of\n%s", results, sent)
	}
}
