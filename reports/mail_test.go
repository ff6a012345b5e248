package reports

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"gomail"
)

func TestMail(t *testing.T) {
	attachment := bytes.Repeat([]byte{0, 1, 2, 0xff}, 500)
	m := Mail{
		From: gomail.Address{Local: "postmaster", Domain: "example.com"}, To: gomail.Address{Local: "tls", Domain: "example.net"},
		Subject: "Report Domain: example.net Submitter: example.com\r\nBcc: <everybody@example.org>", Date: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC),
		Fields: [][2]string{{"TLS-Report-Domain", "example.net"}}, Text: "Two\nlines.\n",
		ReportType: "tlsrpt", ContentType: "application/tlsrpt+gzip", FileName: "x.json.gz", Attachment: attachment,
	}
	text := m.Render()
	if lone := strings.ReplaceAll(string(text), "\r\n", ""); strings.ContainsAny(lone, "\r\n") {
		t.Error("a line does not end with CRLF")
	}
	read, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if read.Header.Get("Bcc") != "" || read.Header.Get("TLS-Report-Domain") != "example.net" || read.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("header: %v", read.Header)
	}
	kind, params, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "tlsrpt" {
		t.Errorf("content type: %s %v %v", kind, params, err)
	}
	parts := multipart.NewReader(read.Body, params["boundary"])
	for i, want := range []string{"Two\r\nlines.\r\n", ""} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(part)
		if i == 0 && string(got) != want {
			t.Errorf("text: %q", got)
		}
		if i == 1 && (part.FileName() != "x.json.gz" || len(got) == 0) {
			t.Errorf("attachment %q of %d octets", part.FileName(), len(got))
		}
	}
}
