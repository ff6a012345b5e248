package tlsrpt

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/reports"
	"gomail/tlspolicy"
)

// The sender's pace and bounds.
const (
	lookEvery  = time.Minute         // while there are reports to send
	lookSeldom = 10 * time.Minute    // while there are none
	perLook    = 30                  // reports sent at a time
	mostDue    = 10_000              // read at a time
	spread     = 4 * time.Hour       // after midnight, RFC 8460 section 4.1
	lateDays   = 3                   // for which what was missed is made up
	mostTries  = 5                   // of one report
	mostKinds  = 5000                // of sessions in a report
	mostOctets = 5 << 20             // of a report, compressed
	retention  = 14 * 24 * time.Hour // of counts
)

// contentType is the report's, RFC 8460 section 6.4.
const contentType = "application/tlsrpt+gzip"

// Sender sends reports.
type Sender struct{ config Config }

// NewSender returns a Sender.
func NewSender(c Config) *Sender { return &Sender{c.withDefaults()} }

// Run sends reports when they are due, until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	var cleaned time.Time
	for {
		wait := lookSeldom
		left, err := s.sendDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.config.Logger.Error("TLS reports could not be sent; it is tried again", slog.Any("error", err))
		}
		if left {
			wait = lookEvery
		}
		if today := tlspolicy.Day(s.config.Clock()); today.After(cleaned) {
			cleaned = today
			if err := s.config.Store.RemoveTLSSessions(ctx, today.Add(-retention)); err != nil && ctx.Err() == nil {
				s.config.Logger.Error("old counts of TLS sessions were not removed", slog.Any("error", err))
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// sendDue sends some of the reports that are due, and reports whether there
// are others whose time comes soon.
func (s *Sender) sendDue(ctx context.Context) (left bool, err error) {
	from, err := s.config.From(ctx)
	if gomail.KindOf(err) == gomail.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := s.config.Clock()
	today := tlspolicy.Day(now)
	due, err := s.config.Store.TLSReportsDue(ctx, today.AddDate(0, 0, -lateDays), today, now, mostDue)
	if err != nil {
		return false, err
	}
	sent := 0
	for _, r := range due {
		if ctx.Err() != nil || sent == perLook {
			break
		}
		if now.Before(r.start()) {
			continue
		}
		sent++
		if err := s.send(ctx, from, r); err != nil {
			return true, err
		}
	}
	return len(due) > sent, nil
}

// start is when a report may be sent: some time after the end of its day,
// which is always the same for a domain, so that a server that hears from
// many is not asked by all at once.
func (r Outgoing) start() time.Time {
	h := fnv.New32a()
	h.Write([]byte(r.Domain))
	return r.Day.AddDate(0, 0, 1).Add(time.Duration(h.Sum32()%uint32(spread/time.Second)) * time.Second)
}

// send tries to send one report. That it is tried is written first: after a
// crash it may come twice, with the same id, but not every minute.
func (s *Sender) send(ctx context.Context, from gomail.Address, r Outgoing) error {
	r.Tries++
	r.Next = s.config.Clock().Add(time.Duration(r.Tries*r.Tries) * 10 * time.Minute)
	r.Outcome = "being sent"
	if err := s.config.Store.SetTLSReport(ctx, r); err != nil {
		return err
	}
	err := s.attempt(ctx, from, &r)
	switch {
	case err == nil:
		r.Done = true
	case ctx.Err() != nil:
		return nil // it is tried again after the next start
	default:
		r.Outcome, r.Done = oneLine(err), r.Tries >= mostTries
	}
	s.config.Logger.Info("TLS report", slog.String("domain", r.Domain), slog.String("day", r.Day.Format(time.DateOnly)), slog.String("outcome", r.Outcome),
		slog.Any("to", r.Sent), slog.Int("try", r.Tries))
	return s.config.Store.SetTLSReport(ctx, r)
}

func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return text[:min(len(text), 500)]
}

// attempt looks who wants the report and sends it to those who do not have it.
func (s *Sender) attempt(ctx context.Context, from gomail.Address, r *Outgoing) error {
	if s.config.Skip(r.Domain) {
		r.Outcome = "not to be sent"
		return nil
	}
	targets, err := s.targets(ctx, r.Domain)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		r.Outcome = "not wanted"
		return nil
	}
	file, err := s.build(ctx, from, *r)
	if err != nil {
		return err
	}
	var failed error
	for _, uri := range targets {
		if slices.Contains(r.Sent, uri) {
			continue
		}
		if err := s.deliver(ctx, from, *r, uri, file); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", uri, err))
			continue
		}
		r.Sent = append(r.Sent, uri)
	}
	r.Outcome = "sent"
	return failed
}

// targets returns who wants reports about a domain; nobody: none.
func (s *Sender) targets(ctx context.Context, domain string) ([]string, error) {
	txts, err := s.config.LookupTXT(ctx, "_smtp._tls."+domain)
	var e *net.DNSError
	if errors.As(err, &e) && e.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	targets, err := tlspolicy.TLSRPTTargets(txts)
	if err != nil {
		return nil, nil // it is no record that could be followed
	}
	return targets, nil
}

// id is the same whenever a report is made anew, so that who has it knows.
func (r Outgoing) id(by string) string { return r.Day.Format("20060102") + "." + r.Domain + "@" + by }

// build makes the report, compressed.
func (s *Sender) build(ctx context.Context, from gomail.Address, r Outgoing) ([]byte, error) {
	counts, err := s.config.Store.TLSSessions(ctx, r.Domain, r.Day, mostKinds)
	if err != nil {
		return nil, err
	}
	report := tlspolicy.Report{
		Organization: from.Domain, Contact: from.String(), ID: r.id(from.Domain), Begin: r.Day, End: r.end(),
	}
	report.AddCounts(counts)
	text, err := report.Marshal()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() > mostOctets {
		return nil, gomail.Errorf(gomail.TooLarge, "the report has %d octets, and at most %d are sent", b.Len(), mostOctets)
	}
	return b.Bytes(), nil
}

// end is the last second of the report's day.
func (r Outgoing) end() time.Time { return r.Day.AddDate(0, 0, 1).Add(-time.Second) }

// deliver sends the report to one place, RFC 8460 sections 5.3 and 5.4.
func (s *Sender) deliver(ctx context.Context, from gomail.Address, r Outgoing, uri string, file []byte) error {
	if strings.HasPrefix(strings.ToLower(uri), "https:") {
		return s.config.Post(ctx, uri, contentType, file)
	}
	to, err := tlspolicy.MailtoAddress(uri)
	if err != nil {
		return err
	}
	return s.config.Mailer.Submit(ctx, from, to, s.mail(from, to, r, file).Render())
}

// mail is the report on its way by mail.
func (s *Sender) mail(from, to gomail.Address, r Outgoing, file []byte) reports.Mail {
	return reports.Mail{
		From: from, To: to, Date: s.config.Clock(),
		Subject: "Report Domain: " + r.Domain + " Submitter: " + from.Domain + " Report-ID: <" + r.id(from.Domain) + ">",
		Fields: [][2]string{
			{"TLS-Report-Domain", r.Domain}, {"TLS-Report-Submitter", from.Domain},
			{"TLS-Required", "No"}, // RFC 8689 section 3: TLS may be just what is broken
		},
		Text: fmt.Sprintf("This is a report, as RFC 8460 describes it, on TLS between %s and the mail servers of %s on %s (UTC).\n\nIt is sent because the record _smtp._tls.%s asks for it.\n",
			s.config.Hostname, r.Domain, r.Day.Format("2 January 2006"), r.Domain),
		ReportType: "tlsrpt", ContentType: contentType, Attachment: file,
		FileName: fmt.Sprintf("%s!%s!%d!%d.json.gz", from.Domain, r.Domain, r.Day.Unix(), r.end().Unix()),
	}
}
