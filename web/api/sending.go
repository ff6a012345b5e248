package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/outbound"
)

// Sending limits accounts in what they send.
type Sending interface {
	// Sending returns what holds for an account, and what it has sent.
	Sending(ctx context.Context, account gomail.AccountID) (outbound.Limits, outbound.Sending, error)

	// SetLimits gives an account limits of its own.
	SetLimits(ctx context.Context, account gomail.AccountID, own outbound.Limits) error
}

// SendingLimits bound what an account sends. Left out: the server's hold; 0: no
// limit.
type SendingLimits struct {
	MessagesPerHour   *int `json:"messages_per_hour,omitempty" minimum:"0" maximum:"1000000000"`
	MessagesPerDay    *int `json:"messages_per_day,omitempty" minimum:"0" maximum:"1000000000"`
	RecipientsPerHour *int `json:"recipients_per_hour,omitempty" minimum:"0" maximum:"1000000000"`
	RecipientsPerDay  *int `json:"recipients_per_day,omitempty" minimum:"0" maximum:"1000000000"`
}

// SendingLimit is one limit of an account, and how much of it is used.
type SendingLimit struct {
	Limit int  `json:"limit" doc:"0: none"`
	Own   bool `json:"own" doc:"the account's own, not the server's"`
	Used  int  `json:"used" doc:"in the last hour, or 24 hours"`
}

// AccountSending is what an account may send and has sent.
type AccountSending struct {
	MessagesPerHour   SendingLimit `json:"messages_per_hour"`
	MessagesPerDay    SendingLimit `json:"messages_per_day"`
	RecipientsPerHour SendingLimit `json:"recipients_per_hour"`
	RecipientsPerDay  SendingLimit `json:"recipients_per_day"`
	Held              *time.Time   `json:"held,omitempty" doc:"since when the account may not send at all"`
	HeldWhy           string       `json:"held_why,omitempty"`
}

// AccountHold keeps an account from sending.
type AccountHold struct {
	Why string `json:"why" minLength:"1" maxLength:"200" doc:"its owner reads it: looked at by the postmaster"`
}

func (a *API) registerSending(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "get-account-sending", http.MethodGet, "/accounts/{address}/sending", "What an account may send, and has sent"),
		func(ctx context.Context, in *accountInput) (*one[AccountSending], error) {
			found, err := a.findAccount(ctx, in.Address)
			if err != nil {
				return nil, problem(err)
			}
			return a.showSending(ctx, found.ID)
		})
	huma.Register(h, scoped(ofAnyone, "set-account-sending", http.MethodPut, "/accounts/{address}/sending", "Set what an account may send"),
		func(ctx context.Context, in *struct {
			Address string `path:"address"`
			Body    SendingLimits
		}) (*one[AccountSending], error) {
			found, err := a.findAccount(ctx, in.Address)
			if err == nil {
				err = a.mayRaise(ctx, in.Body)
			}
			if err == nil {
				err = a.config.Sending.SetLimits(ctx, found.ID, in.Body.own())
			}
			if err != nil {
				return nil, problem(err)
			}
			return a.showSending(ctx, found.ID)
		})
}

// registerHolds lets administrators keep an account from sending.
func (a *API) registerHolds(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "hold-account", http.MethodPost, "/accounts/{address}/hold", "Keep an account from sending; what it has in the queue waits"),
		func(ctx context.Context, in *struct {
			Address string `path:"address"`
			Body    AccountHold
		}) (*struct{}, error) {
			found, err := a.findAccount(ctx, in.Address)
			if err == nil {
				err = a.config.Queue.HoldAccount(ctx, found.ID, in.Body.Why)
			}
			return nil, problem(err)
		})
	huma.Register(h, scoped(ofAnyone, "release-account", http.MethodPost, "/accounts/{address}/release", "Let a held account send again"),
		func(ctx context.Context, in *accountInput) (*struct{}, error) {
			found, err := a.findAccount(ctx, in.Address)
			if err == nil {
				err = a.config.Queue.ReleaseAccount(ctx, found.ID)
			}
			return nil, problem(err)
		})
}

// mayRaise leaves it to the server's administrators to let an account send more
// than the server's limits say: what it sends is all domains' reputation.
func (a *API) mayRaise(ctx context.Context, l SendingLimits) error {
	if principal(ctx).Server {
		return nil
	}
	server, _, err := a.config.Sending.Sending(ctx, 0)
	if err != nil {
		return err
	}
	raises := func(own *int, server int) bool { return own != nil && server > 0 && (*own == 0 || *own > server) }
	if raises(l.MessagesPerHour, server.MessagesHour) || raises(l.MessagesPerDay, server.MessagesDay) ||
		raises(l.RecipientsPerHour, server.RecipientsHour) || raises(l.RecipientsPerDay, server.RecipientsDay) {
		return gomail.Errorf(gomail.Forbidden, "only administrators of the server can let an account send more than the server's limits")
	}
	return nil
}

// own returns the limits as they are kept.
func (l SendingLimits) own() outbound.Limits {
	own := outbound.NoOwnLimits
	assign(&own.MessagesHour, l.MessagesPerHour)
	assign(&own.MessagesDay, l.MessagesPerDay)
	assign(&own.RecipientsHour, l.RecipientsPerHour)
	assign(&own.RecipientsDay, l.RecipientsPerDay)
	return own
}

func (a *API) showSending(ctx context.Context, account gomail.AccountID) (*one[AccountSending], error) {
	limits, s, err := a.config.Sending.Sending(ctx, account)
	now := time.Now()
	return oneOf(limits, err, func(l outbound.Limits) AccountSending {
		hourMessages, hourRecipients := s.Count(time.Hour, now)
		dayMessages, dayRecipients := s.Count(24*time.Hour, now)
		show := AccountSending{
			MessagesPerHour:   SendingLimit{l.MessagesHour, s.Own.MessagesHour != outbound.Inherit, hourMessages},
			MessagesPerDay:    SendingLimit{l.MessagesDay, s.Own.MessagesDay != outbound.Inherit, dayMessages},
			RecipientsPerHour: SendingLimit{l.RecipientsHour, s.Own.RecipientsHour != outbound.Inherit, hourRecipients},
			RecipientsPerDay:  SendingLimit{l.RecipientsDay, s.Own.RecipientsDay != outbound.Inherit, dayRecipients},
			HeldWhy:           s.HeldWhy,
		}
		if !s.Held.IsZero() {
			show.Held = &s.Held
		}
		return show
	})
}
