package reports

import (
	"context"
	"time"

	"gomail/ladder"
)

// Store keeps rows and steps. Each method is one transaction.
type Store interface {
	// AddDMARCReport adds a report with its rows, and to what is known of its
	// sources what it says of their day; in a day that is Crowded, to
	// ladder.Others. It returns false, and changes nothing, when one of the
	// same domain, organisation and id is there.
	AddDMARCReport(ctx context.Context, r DMARCReport, days []SourceDay) (added bool, err error)
	// CountDMARCReports and CountTLSReports return how many reports of an
	// organisation about a domain's day there are.
	CountDMARCReports(ctx context.Context, domain, org string, day time.Time) (int, error)
	CountTLSReports(ctx context.Context, domain, org string, day time.Time) (int, error)
	// CountDMARCRows returns how many rows all reports about a domain's day
	// have together.
	CountDMARCRows(ctx context.Context, domain string, day time.Time) (int, error)
	// EachSourceDay calls visit with every source of a domain on every day
	// that begins at since or later, by day and source.
	EachSourceDay(ctx context.Context, domain string, since time.Time, visit func(SourceDay) error) error
	// SourceTotals returns a domain's sources with all their days from since
	// on added up: those that pass as the domain's first, then those with the
	// most messages. Day, Addresses and Selectors are empty.
	SourceTotals(ctx context.Context, domain string, since time.Time) ([]SourceDay, error)
	// Volume returns what all sources of a domain together sent on each day
	// from since on, oldest first. Source, Addresses and Selectors are empty.
	Volume(ctx context.Context, domain string, since time.Time) ([]SourceDay, error)
	// Reporters returns who sent reports about a domain that begin at since
	// or later, those with the most messages first.
	Reporters(ctx context.Context, domain string, since time.Time) ([]Reporter, error)
	// AddTLSReport adds a report with its rows. It returns false, and changes
	// nothing, when one of the same organisation and id is there.
	AddTLSReport(ctx context.Context, r TLSReport) (added bool, err error)
	// EachDMARCRow calls visit with every row about a domain of the reports
	// that begin at since or later, in the order of their times. Its report's
	// Rows are empty; the row's lists are not to be changed.
	EachDMARCRow(ctx context.Context, domain string, since time.Time, visit func(DMARCReport, DMARCRow) error) error
	// TLSRows returns the rows about a domain from a day on, by day.
	TLSRows(ctx context.Context, domain string, since time.Time) ([]TLSRow, error)
	// RemoveReports removes the reports that end before a moment, and returns
	// how many they were.
	RemoveReports(ctx context.Context, before time.Time) (int, error)

	// AddPolicyStep adds a step to a domain's history.
	AddPolicyStep(ctx context.Context, domain string, s ladder.Step) error
	// PolicySteps returns a domain's history, oldest first.
	PolicySteps(ctx context.Context, domain string) ([]ladder.Step, error)
	// SetDisowned marks a source as not the owner's, or takes the mark away.
	SetDisowned(ctx context.Context, domain, source string, disowned bool) error
	// DisownedSources returns those so marked, in order.
	DisownedSources(ctx context.Context, domain string) ([]string, error)
	// ForgetPolicies removes a domain's reports, history and marks.
	ForgetPolicies(ctx context.Context, domain string) error

	// AddJudged adds results to what is known of their days, within MaxJudged
	// and MaxJudgedDomains.
	AddJudged(ctx context.Context, days []JudgedDay) error
	// JudgedDays returns the days before a moment of which there are results,
	// with their domains and without the results, oldest first.
	JudgedDays(ctx context.Context, before time.Time) ([]JudgedDay, error)
	// Judged returns the results about a domain's day, those with the most
	// messages first.
	Judged(ctx context.Context, domain string, day time.Time) ([]Judged, error)
	// RemoveJudged removes them.
	RemoveJudged(ctx context.Context, domain string, day time.Time) error
}
