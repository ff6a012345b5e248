package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/bounces"
)

// Suppression is an address to which mail of an account is not sent.
type Suppression struct {
	Address    string    `json:"address"`
	Why        string    `json:"why" enum:"bounced,complained" doc:"bounced: there is no such mailbox; complained: bulk mail is not wanted"`
	Count      int       `json:"count" doc:"how often it was told"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Until      time.Time `json:"until" doc:"from then on mail is tried again"`
	Status     string    `json:"status" doc:"RFC 3463; empty: none was given"`
	Diagnostic string    `json:"diagnostic" doc:"what the other server said, or the kind of complaint"`
	Returned   bool      `json:"returned" doc:"told by a bounce or a report, not in the session"`
}

func showSuppression(x bounces.Suppression) Suppression {
	return Suppression{x.Address.String(), string(x.Why), x.Count, x.First, x.Last, x.Until, x.Status, x.Diagnostic, x.Returned}
}

// BounceCounts is what became of recipients at other servers.
type BounceCounts struct {
	Sent       int     `json:"sent" doc:"recipients that came to an end"`
	Delivered  int     `json:"delivered"`
	Deferred   int     `json:"deferred" doc:"attempts that were put off"`
	Hard       int     `json:"hard" doc:"there is no such mailbox or domain"`
	Full       int     `json:"full" doc:"the mailbox has no room"`
	Blocked    int     `json:"blocked" doc:"refused as spam, or for what this server is known for"`
	Policy     int     `json:"policy" doc:"refused by another rule"`
	Soft       int     `json:"soft" doc:"given up for another reason"`
	Complaints int     `json:"complaints" doc:"reports that a recipient called a message spam"`
	Roles      int     `json:"roles" doc:"recipients that are a role, such as postmaster"`
	Percent    float64 `json:"percent" doc:"hard of sent"`
	Said       string  `json:"said" doc:"the last reply that refused something as spam; empty: none"`
}

func showCounts(c bounces.Counts, said string) BounceCounts {
	return BounceCounts{c.Sent, c.Delivered, c.Deferred, c.Hard, c.Full, c.Blocked, c.Policy, c.Soft, c.Complaints, c.Roles, c.Percent(), said}
}

// BounceDay is what a domain's mail came to on a day.
type BounceDay struct {
	Day time.Time `json:"day"`
	BounceCounts
}

// BounceTotal is what the mail of a domain or an account came to in 24 hours.
type BounceTotal struct {
	Domain  string     `json:"domain" doc:"empty: it is an account's"`
	Account string     `json:"account" doc:"empty: it is a domain's"`
	Since   *time.Time `json:"since,omitempty" doc:"too much has come back since then"`
	BounceCounts
}

type suppressionInput struct {
	Address   string `path:"address"`
	Recipient string `path:"recipient" maxLength:"320"`
}

func (a *API) registerBounces(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-suppressions", http.MethodGet, "/accounts/{address}/suppressions", "The addresses to which mail of an account is not sent"), a.listSuppressions)
	huma.Register(h, scoped(ofAnyone, "clear-suppression", http.MethodDelete, "/accounts/{address}/suppressions/{recipient}", "Let an account send to an address again"),
		func(ctx context.Context, in *suppressionInput) (*struct{}, error) {
			to, err := gomail.ParseAddress(in.Recipient)
			if err != nil {
				return nil, problem(err)
			}
			return nil, a.clearSuppressions(ctx, in.Address, to)
		})
	huma.Register(h, scoped(ofAnyone, "clear-suppressions", http.MethodDelete, "/accounts/{address}/suppressions", "Let an account send to every address again"),
		func(ctx context.Context, in *accountInput) (*struct{}, error) {
			return nil, a.clearSuppressions(ctx, in.Address, gomail.Address{})
		})
	huma.Register(h, scoped(ofAnyone, "list-bounces", http.MethodGet, "/bounces", "What the mail of each domain and account that you manage came to in 24 hours"), a.listBounces)
	huma.Register(h, domainOperation("list-bounce-days", http.MethodGet, "/bounces", "What a domain's mail came to, day by day"),
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Days int    `query:"days" minimum:"1" maximum:"400" default:"30"`
		}) (*list[BounceDay], error) {
			days, err := a.config.Bounces.Days(ctx, canonical(in.Name), time.Now().AddDate(0, 0, -in.Days))
			return listOf(days, err, func(d bounces.Day) BounceDay { return BounceDay{d.Day, showCounts(d.Counts, d.Said)} })
		})
}

func (a *API) listSuppressions(ctx context.Context, in *struct {
	Address string `path:"address"`
	After   string `query:"after" maxLength:"320" doc:"an address: those after it"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"addresses"`
}) (*list[Suppression], error) {
	account, err := a.findAccount(ctx, in.Address)
	if err != nil {
		return nil, problem(err)
	}
	all, err := a.config.Bounces.Suppressions(ctx, account.ID, in.After, in.Limit)
	return listOf(all, err, showSuppression)
}

func (a *API) clearSuppressions(ctx context.Context, account string, to gomail.Address) error {
	found, err := a.findAccount(ctx, account)
	if err == nil {
		_, err = a.config.Bounces.Clear(ctx, found.ID, to)
	}
	return problem(err)
}

// listBounces shows each only what they manage.
func (a *API) listBounces(ctx context.Context, _ *struct{}) (*list[BounceTotal], error) {
	totals, err := a.config.Bounces.Totals(ctx)
	if err != nil {
		return nil, problem(err)
	}
	alarms, err := a.config.Bounces.Alarms(ctx)
	if err != nil {
		return nil, problem(err)
	}
	since := map[bounces.Sender]*time.Time{}
	for _, x := range alarms {
		since[x.Sender] = &x.Since
	}
	p := principal(ctx)
	var all []BounceTotal
	for _, t := range totals {
		x := BounceTotal{Domain: t.Domain, Since: since[t.Sender], BounceCounts: showCounts(t.Counts, t.Said)}
		domain := t.Domain
		if t.Account != 0 {
			account, err := a.config.Accounts.Get(ctx, t.Account)
			if err != nil {
				continue // it is gone
			}
			x.Account, domain = account.Address.String(), account.Address.Domain
		}
		if p.Manages(domain) {
			all = append(all, x)
		}
	}
	return listOf(all, nil, same)
}
