package reports

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"slices"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/mailauth"
	"gomail/mailauth/dmarc"
	"gomail/reports/aggregate"
	"gomail/tlspolicy"
)

// When reports go out: some time after the day that they are about, each
// domain's at a time of its own, and no longer once nobody cares.
const (
	reportDelay  = 10 * time.Minute // after midnight UTC: what is counted has been written
	reportSpread = 4 * time.Hour
	reportTries  = 3 * 24 * time.Hour
)

// Limits of what goes out.
const (
	maxTargets = 5       // addresses of a record
	maxReport  = 8 << 20 // octets of a report as it is attached
)

// DMARCConfig is what sending DMARC reports needs.
type DMARCConfig struct {
	Resolver mailauth.Resolver
	Mailer   Mailer
	Org      string         // we, in reports: a domain
	Hostname string         // that received the mail
	From     gomail.Address // of reports; its domain has to sign
	Skip     func(domain string) bool
}

// SendDMARC sends the reports about days that are over and due, one for each
// domain. What fails for now is tried when it is called again.
func (s *Service) SendDMARC(ctx context.Context, c DMARCConfig) error {
	now := s.config.Clock().UTC()
	all, err := s.config.Store.JudgedDays(ctx, now.Truncate(24*time.Hour))
	if err != nil {
		return err
	}
	var failed []error
	for _, d := range all {
		if now.Before(due(d)) || ctx.Err() != nil {
			continue
		}
		log := s.config.Logger.With(slog.String("domain", d.Domain), slog.String("day", d.Day.Format(time.DateOnly)))
		outcome, err := s.report(ctx, c, d)
		if err != nil && now.Before(d.Day.Add(reportTries)) {
			log.Warn("DMARC report", slog.String("outcome", "not sent yet"), slog.Any("error", err))
			continue
		}
		log.Info("DMARC report", slog.String("outcome", outcome), slog.Any("error", err))
		failed = append(failed, s.config.Store.RemoveJudged(ctx, d.Domain, d.Day))
	}
	return errors.Join(failed...)
}

// due is when a domain's report goes out.
func due(d JudgedDay) time.Time {
	h := fnv.New32a()
	h.Write([]byte(d.Domain))
	return d.Day.Add(24*time.Hour + reportDelay + time.Duration(h.Sum32())%reportSpread)
}

// report sends one report to all who are to have it, and says what became of
// it. An error is temporary.
func (s *Service) report(ctx context.Context, c DMARCConfig, d JudgedDay) (outcome string, err error) {
	if c.Skip != nil && c.Skip(d.Domain) {
		return "not wanted by the configuration", nil
	}
	found := dmarc.Discover(ctx, c.Resolver, d.Domain)
	if found.Failed {
		return "", gomail.Errorf(gomail.Unavailable, "the DMARC record of %s could not be looked up", d.Domain)
	}
	targets, err := authorised(ctx, c.Resolver, found)
	if err != nil || len(targets) == 0 {
		return "nobody may have it", err
	}
	r, err := s.compile(ctx, c, d)
	if err != nil {
		return "", err
	}
	hosted, err := s.config.Hosted(ctx, d.Domain)
	if err != nil {
		return "", err
	}
	if hosted { // it is read where it was written
		_, err := s.AddDMARC(ctx, fromAggregate(c.Org, r))
		return "kept, as the domain is hosted here", err
	}
	return s.send(ctx, c, r, targets)
}

// compile makes the report about a day.
func (s *Service) compile(ctx context.Context, c DMARCConfig, d JudgedDay) (aggregate.Report, error) {
	all, err := s.config.Store.Judged(ctx, d.Domain, d.Day)
	if err != nil || len(all) == 0 {
		return aggregate.Report{}, cmp.Or(err, gomail.Errorf(gomail.NotFound, "there are no results"))
	}
	r := aggregate.Report{
		Org: c.Org, Email: c.From.String(), ID: fmt.Sprintf("%s.%s@%s", d.Day.Format("20060102"), d.Domain, c.Hostname),
		Begin: d.Day, End: d.Day.Add(24*time.Hour - time.Second), Generator: "GoMail", Policy: all[0].Policy,
	}
	if len(all) >= MaxJudged {
		r.Errors = append(r.Errors, fmt.Sprintf("there were more than %d different results: further ones are left out", MaxJudged))
	}
	for _, j := range all {
		r.Records = append(r.Records, j.Result)
	}
	return r, nil
}

func (s *Service) send(ctx context.Context, c DMARCConfig, r aggregate.Report, targets []gomail.Address) (string, error) {
	packed, err := pack(r.Marshal())
	if err != nil {
		return "", err
	}
	if len(packed) > maxReport {
		return fmt.Sprintf("larger than %d MiB, and not sent", maxReport>>20), nil
	}
	name := fmt.Sprintf("%s!%s!%d!%d.xml.gz", c.Org, r.Policy.Domain, r.Begin.Unix(), r.End.Unix()) // RFC 9990 section 4.3
	var failed []error
	for _, to := range targets {
		mail := Mail{
			From: c.From, To: to, Date: s.config.Clock(), ContentType: "application/gzip", FileName: name, Attachment: packed,
			Subject: fmt.Sprintf("Report Domain: %s Submitter: %s Report-ID: <%s>", r.Policy.Domain, c.Org, r.ID),
			Text: fmt.Sprintf("This is a DMARC aggregate report about mail from %s\nthat %s received on %s (UTC).\nThe domain's DMARC record asks for it; it is for a program to read.\n",
				r.Policy.Domain, c.Hostname, r.Begin.Format(time.DateOnly)),
		}
		if err := c.Mailer.Submit(ctx, c.From, to, mail.Render()); err != nil {
			failed = append(failed, err)
		}
	}
	switch sent := len(targets) - len(failed); {
	case len(failed) == 0:
		return fmt.Sprintf("sent to %d addresses", sent), nil
	case sent == 0:
		return "", errors.Join(failed...)
	default: // another try would send it again to those that have it
		return fmt.Sprintf("sent to %d of %d addresses: %v", sent, len(targets), errors.Join(failed...)), nil
	}
}

func pack(document []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(document); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// authorised returns the addresses that a record names and that may have the
// report: those of the domain's own organisation, and others that consent in
// their DNS, RFC 9990 section 4. An error is temporary.
func authorised(ctx context.Context, resolver mailauth.Resolver, found dmarc.Discovery) ([]gomail.Address, error) {
	var all []gomail.Address
	for _, uri := range found.Record.RUA {
		to, err := tlspolicy.MailtoAddress(uri)
		if err != nil || to.Domain == "" || len(all) >= maxTargets {
			continue
		}
		to = to.Canonical()
		may, replaced, err := consents(ctx, resolver, found, to.Domain)
		if err != nil {
			return nil, err
		}
		if replaced.Domain != "" {
			to = replaced
		}
		if may && !slices.Contains(all, to) {
			all = append(all, to)
		}
	}
	return all, nil
}

// consents reports whether reports about a domain may go to another, which may
// name an address of its own for them.
func consents(ctx context.Context, resolver mailauth.Resolver, found dmarc.Discovery, target string) (may bool, address gomail.Address, err error) {
	if target == found.Domain || dnsplan.Organisation(target) == cmp.Or(found.Organization, dnsplan.Organisation(found.Domain)) {
		return true, address, nil
	}
	texts, err := resolver.LookupTXT(ctx, found.Domain+"._report._dmarc."+target)
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound {
		return false, address, nil
	}
	if err != nil {
		return false, address, gomail.Errorf(gomail.Unavailable, "it could not be looked up whether %s takes reports about %s: %w", target, found.Domain, err)
	}
	for _, text := range texts {
		if !dmarc.IsRecord(text) {
			continue
		}
		return true, replacement(text, target), nil
	}
	return false, address, nil
}

// replacement is the address that a consent names instead; it counts only on
// the same host.
func replacement(text, target string) gomail.Address {
	record, err := dmarc.Parse(text)
	if err != nil {
		return gomail.Address{}
	}
	for _, uri := range record.RUA {
		if a, err := tlspolicy.MailtoAddress(uri); err == nil && a.Canonical().Domain == target {
			return a.Canonical()
		}
	}
	return gomail.Address{}
}
