package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/mailbox"
)

// MailboxGrant is rights on a mailbox of an account that others have.
type MailboxGrant struct {
	Mailbox    string `json:"mailbox" doc:"Work/2026"`
	Identifier string `json:"identifier" doc:"bert@example.com, or anyone in the domain; a hyphen before either: the rights are taken away"`
	Rights     string `json:"rights" doc:"letters of RFC 4314: lrs"`
}

// MailboxGrantChange changes what somebody may do with a mailbox.
type MailboxGrantChange struct {
	Mailbox    string `json:"mailbox" maxLength:"300"`
	Identifier string `json:"identifier" maxLength:"300"`
	Rights     string `json:"rights" maxLength:"50" doc:"lrs sets them, +w adds, -w takes away; empty: none are left"`
}

func (a *API) registerGrants(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-grants", http.MethodGet, "/accounts/{address}/grants", "Who may use an account's mailboxes"),
		func(ctx context.Context, in *accountInput) (*list[MailboxGrant], error) {
			all, err := a.grants(ctx, in.Address)
			return listOf(all, err, func(g MailboxGrant) MailboxGrant { return g })
		})
	huma.Register(h, scoped(ofAnyone, "change-grant", http.MethodPut, "/accounts/{address}/grants", "Let others use a mailbox of an account"), a.changeGrant)
}

// grants returns what others may do with an account's mailboxes, by mailbox.
func (a *API) grants(ctx context.Context, address string) ([]MailboxGrant, error) {
	found, err := a.oneself(ctx, address)
	if err != nil {
		return nil, err
	}
	boxes, err := a.config.Mailboxes.Account(found.ID).Own(ctx)
	var all []MailboxGrant
	for _, box := range boxes {
		grants, failure := box.Grants(ctx)
		if failure != nil {
			return nil, failure
		}
		for _, g := range grants {
			if g.Account != box.Owner {
				all = append(all, MailboxGrant{box.Path, g.Identifier(), g.Rights.String()})
			}
		}
	}
	return all, err
}

func (a *API) changeGrant(ctx context.Context, in *struct {
	Address string `path:"address"`
	Body    MailboxGrantChange
}) (*struct{}, error) {
	return a.onAccount(ctx, in.Address, func(x gomail.Account) error {
		change, err := mailbox.ParseRightsChange(in.Body.Rights)
		if err != nil {
			return err
		}
		box, err := a.config.Mailboxes.Account(x.ID).Lookup(ctx, in.Body.Mailbox)
		if err == nil && box.Shared() {
			err = gomail.Errorf(gomail.NotFound, "the account has no mailbox %q of its own", in.Body.Mailbox)
		}
		if err != nil {
			return err
		}
		return box.Grant(ctx, in.Body.Identifier, change)
	})
}
