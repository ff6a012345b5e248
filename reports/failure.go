package reports

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/mailauth/dmarc"
	"gomail/message"
)

// Failure is a message that did not pass DMARC, or one of what it stands on,
// and whose domain may want to hear of it at once.
type Failure struct {
	At          time.Time
	Client      netip.Addr
	From        gomail.Address // the envelope's sender; may be null
	Author      string         // domain of the From field
	Record      dmarc.Record
	Domain      string // where the record stands
	DKIM, SPF   bool   // passed and aligned
	DKIMFailed  bool   // a signature was there and failed
	SPFFailed   bool
	Disposition string // "none", "quarantine", "reject"
	Results     string // value of an Authentication-Results field, without local parts
	Header      message.Header
}

// wanted goes by the record's fo tag, RFC 9989 section 4.7: 0, nothing passed;
// 1, something did not; d and s, DKIM or SPF failed.
func (f Failure) wanted() bool {
	if len(f.Record.RUF) == 0 {
		return false
	}
	return slices.ContainsFunc(f.Record.FailureOptions, func(option string) bool {
		switch option {
		case "0":
			return !f.DKIM && !f.SPF
		case "1":
			return !f.DKIM || !f.SPF
		case "d":
			return f.DKIMFailed
		case "s":
			return f.SPFFailed
		}
		return false
	})
}

// Limits of failure reports: whoever forges a domain's mail is not to flood
// its owner through us (RFC 9991 section 6.3).
const (
	maxFailures     = 20 // about a domain in a day
	maxFailuresHour = 200
	failuresWaiting = 100
)

// failures are those that wait to be reported, and how many were.
type failures struct {
	waiting chan Failure
	mu      sync.Mutex
	day     time.Time
	told    map[string]int // by domain, on day
	hour    time.Time
	all     int // in hour
}

// NoteFailure has a failure reported by SendFailures, if the domain asks for
// it. It does not wait for anything.
func (s *Service) NoteFailure(f Failure) {
	if !f.wanted() || !s.failures.may(f.Domain, s.config.Clock()) {
		return
	}
	select {
	case s.failures.waiting <- f:
	default: // too many at once
	}
}

// may counts a report, unless there were enough.
func (f *failures) may(domain string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if day := now.Truncate(24 * time.Hour); !day.Equal(f.day) {
		f.day, f.told = day, map[string]int{}
	}
	if hour := now.Truncate(time.Hour); !hour.Equal(f.hour) {
		f.hour, f.all = hour, 0
	}
	if f.told[domain] >= maxFailures || f.all >= maxFailuresHour {
		return false
	}
	f.told[domain]++
	f.all++
	return true
}

// FailureConfig is what sending failure reports needs.
type FailureConfig struct {
	DMARCConfig
	Secret []byte // by which local parts are made unreadable, and the same ones alike
}

// SendFailures reports the failures that wait.
func (s *Service) SendFailures(ctx context.Context, c FailureConfig) {
	for ctx.Err() == nil {
		select {
		default:
			return
		case f := <-s.failures.waiting:
			log := s.config.Logger.With(slog.String("domain", f.Domain))
			n, err := s.sendFailure(ctx, c, f)
			if err != nil {
				log.Warn("DMARC failure report", slog.String("outcome", "not sent"), slog.Any("error", err))
				continue
			}
			log.Info("DMARC failure report", slog.String("outcome", fmt.Sprintf("sent to %d addresses", n)))
		}
	}
}

// sendFailure reports to those of the record's ruf addresses that may have it.
func (s *Service) sendFailure(ctx context.Context, c FailureConfig, f Failure) (sent int, err error) {
	if c.Skip != nil && c.Skip(f.Domain) {
		return 0, nil
	}
	asked := dmarc.Discovery{Domain: f.Domain, Record: dmarc.Record{RUA: f.Record.RUF}}
	targets, err := authorised(ctx, c.Resolver, asked)
	if err != nil {
		return 0, err
	}
	for _, to := range targets {
		if err := c.Mailer.Submit(ctx, c.From, to, f.mail(c, to).Render()); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// mail makes the report, RFC 6591 with the fields of RFC 9991: what failed,
// and of the message only who claims to have written it and when, with local
// parts made unreadable (RFC 6590). No recipient, no subject and no content is
// told.
func (f Failure) mail(c FailureConfig, to gomail.Address) Mail {
	text := fmt.Sprintf("This is a report on a message that claims to be from %s\nand did not pass DMARC at %s. The domain's DMARC record asks for it.\nAddresses are made unreadable; no content is told.\n", f.Author, c.Hostname)
	return Mail{
		From: c.From, To: to, Date: f.At, Subject: "DMARC failure report about " + f.Author, Text: text, ReportType: "feedback-report",
		Parts: []MailPart{{"message/feedback-report", f.feedback(c)}, {"text/rfc822-headers; charset=us-ascii", f.header(c)}},
	}
}

func (f Failure) feedback(c FailureConfig) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			b.WriteString(message.FoldField(name, value))
		}
	}
	field("Feedback-Type", "auth-failure")
	field("User-Agent", "GoMail")
	field("Version", "1")
	field("Auth-Failure", "dmarc")
	field("Authentication-Results", f.Results)
	if !f.From.IsNull() {
		field("Original-Mail-From", "<"+c.redact(f.From)+">")
	}
	field("Arrival-Date", message.FormatDate(f.At))
	field("Reporting-MTA", "dns; "+c.Hostname)
	field("Source-IP", f.Client.String())
	field("Reported-Domain", f.Author)
	field("Delivery-Result", map[string]string{"reject": "reject", "quarantine": "spam"}[f.Disposition])
	field("Identity-Alignment", alignments(f.DKIM, f.SPF))
	return b.String()
}

func alignments(dkim, spf bool) string {
	switch {
	case dkim && spf:
		return "dkim, spf"
	case dkim:
		return "dkim"
	case spf:
		return "spf"
	}
	return "none"
}

// header is what is told of the message's own header.
func (f Failure) header(c FailureConfig) string {
	var b strings.Builder
	authors, _ := message.Authors(f.Header) // none that can be read: none is told
	for _, a := range authors {
		b.WriteString(message.FoldField("From", "<"+c.redact(a)+">"))
	}
	if date, ok := message.ParseDate(f.Header.Get("Date")); ok {
		b.WriteString(message.FoldField("Date", message.FormatDate(date)))
	}
	if b.Len() == 0 {
		b.WriteString("X-Header: nothing of it can be told\r\n")
	}
	return b.String()
}

// redact makes a local part unreadable, and the same one always alike, RFC
// 6590 section 3.
func (c FailureConfig) redact(a gomail.Address) string {
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(a.Local))
	return strings.ToLower(base32.HexEncoding.EncodeToString(mac.Sum(nil)[:10])) + "@" + a.Domain
}
