package tlsrpt

import (
	"context"
	"log/slog"
	"time"

	"gomail"
	"gomail/reports"
	"gomail/tlspolicy"
)

// Store keeps counts, and which reports were sent. Each method is one
// transaction.
type Store interface {
	// AddTLSSessions adds to what was counted.
	AddTLSSessions(ctx context.Context, counts []tlspolicy.Count) error
	// TLSSessions returns what was counted of a domain on a day, the most
	// frequent first, at most limit kinds.
	TLSSessions(ctx context.Context, domain string, day time.Time, limit int) ([]tlspolicy.Count, error)
	// TLSReportsDue returns the reports that are not settled and may be tried
	// at a moment, of the days from one up to but without another, at most
	// limit: those that were never tried (Tries 0) too.
	TLSReportsDue(ctx context.Context, from, until, at time.Time, limit int) ([]Outgoing, error)
	// SetTLSReport keeps where a report stands.
	SetTLSReport(ctx context.Context, r Outgoing) error
	// RemoveTLSSessions removes what is about days before one.
	RemoveTLSSessions(ctx context.Context, before time.Time) error
}

// Outgoing is where the report for a domain about a day stands.
type Outgoing struct {
	Domain  string
	Day     time.Time // midnight UTC
	Tries   int
	Next    time.Time // when it may be tried again
	Done    bool
	Outcome string   // "sent", "not wanted", or why not; one line
	Sent    []string // the URIs that have it
}

// Config is what a Counter and a Sender need.
type Config struct {
	Store Store

	// From returns who reports: an address of a domain for which mail is
	// signed. NotFound: there is none, and nothing is sent.
	From func(ctx context.Context) (gomail.Address, error)
	// LookupTXT finds who wants reports; its errors are *net.DNSError.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	// Mailer sends reports by mail.
	Mailer reports.Mailer
	// Post sends them over HTTPS.
	Post func(ctx context.Context, address, contentType string, body []byte) error

	// Skip says which domains get none; nil: all do.
	Skip func(domain string) bool

	Hostname string
	Clock    func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: nothing is logged
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Skip == nil {
		c.Skip = func(string) bool { return false }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
