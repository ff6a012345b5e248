package outbound

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"

	"gomail"
	"gomail/message"
)

// Announcement is a message of the server itself to people who run it.
type Announcement struct {
	To      gomail.Address
	Subject string
	Text    string // lines end with \n
}

// Announce queues a message of the server itself, signed as the recipient's
// domain where that is ours. Automatic answers to it are unwanted (RFC 3834).
func (s *Service) Announce(ctx context.Context, a Announcement) error {
	from := s.reporter(ctx, a.To)
	text, err := s.compose(a, from)
	if err != nil {
		return err
	}
	envelope := gomail.Envelope{Recipients: []gomail.Recipient{{Address: a.To, Notify: gomail.NotifyNever}}, SMTPUTF8: !a.To.IsASCII()}
	return s.sendOwn(ctx, envelope, from.Domain, text)
}

// compose renders the message as RFC 5322 has it.
func (s *Service) compose(a Announcement, from gomail.Address) ([]byte, error) {
	var random [16]byte
	rand.Read(random[:])
	var b bytes.Buffer
	for _, field := range [][2]string{
		{"From", "GoMail <" + from.String() + ">"}, {"To", a.To.String()}, {"Subject", mime.QEncoding.Encode("utf-8", a.Subject)},
		{"Date", message.FormatDate(s.config.Clock())}, {"Message-ID", message.NewMessageID(random, from.Domain)},
		{"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", field[0], field[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(a.Text, "\n", "\r\n"))); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}
