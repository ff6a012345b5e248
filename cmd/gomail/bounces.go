package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gomail"
	"gomail/bounces"
	"gomail/inbound"
	"gomail/internal/seal"
	"gomail/lists"
	"gomail/message"
	"gomail/queue"
	"gomail/store"
)

// bounceSetting is the secret by which bounces are known to be of our mail.
const bounceSetting = "bounce_token_secret"

func bounceTokens(ctx context.Context, sealer *seal.Sealer, st *store.Store) (bounces.Tokens, error) {
	secret, err := keptSecret(ctx, sealer, st, bounceSetting)
	return bounces.Tokens{Secret: secret, Clock: time.Now}, err
}

// newBounces returns what learns from what becomes of sent mail.
func (s *services) newBounces(m bounces.Metrics) *bounces.Service {
	return bounces.New(bounces.Config{
		Store: s.store, Tokens: s.tokens, Account: s.accountOf, High: s.bounceAlarm, Metrics: m, Off: !s.config.Outbound.SuppressBounced, Logger: s.log,
	})
}

// accountOf returns whose account an address leads to.
func (s *services) accountOf(ctx context.Context, a gomail.Address) (gomail.AccountID, error) {
	account, err := s.domains.Route(ctx, a)
	return account.ID, err
}

// queueMetrics are the queue's, and what becomes of each recipient at another
// server.
func (s *server) queueMetrics() queue.Metrics {
	m := s.metrics.queue()
	m.Settled = func(q *queue.Message, r queue.Recipient, result queue.Result, done bool) {
		if result.Remote == "" { // our own mailboxes, or nobody was reached
			if hosted, err := s.domains.Hosted(context.Background(), r.Address.Domain); err != nil || hosted {
				return
			}
		}
		s.bounces.Tell(bounces.Outcome{
			Account: q.Account, From: q.Envelope.From, To: r.Address, Delivered: result.Outcome == queue.Delivered, Done: done,
			Permanent: result.Outcome == queue.Permanent, Code: result.Code, Status: result.Enhanced, Text: result.Text,
		})
	}
	return m
}

// bounceReader shows what comes back to the bounces service, and complaints to
// the lists. It implements inbound.Reader.
type bounceReader struct {
	bounces *bounces.Service
	lists   *lists.Service
	log     *slog.Logger
}

// reportTo are the local parts to which complaints are sent: providers ask for
// an address, and these are what people give.
var reportTo = map[string]bool{"abuse": true, "postmaster": true, "fbl": true, "feedback": true, "complaints": true}

// Wants reports whether a message may be a bounce, which has the null
// reverse-path (RFC 5321 section 4.5.5), or a complaint.
func (bounceReader) Wants(_ context.Context, from, to gomail.Address) bool {
	return from.IsNull() || reportTo[to.Canonical().Local] || reportTo[from.Canonical().Local]
}

// Read hands on what came back. It is for people all the same, so that it stays
// in the inbox.
func (r bounceReader) Read(ctx context.Context, a inbound.Arrived) bool {
	returned := message.ReadReturned(a.Index, a.Content)
	r.bounces.Returned(returned)
	if err := r.lists.Complaint(ctx, returned); err != nil {
		r.log.Error("a complaint about a list could not be noted", slog.String("msgid", a.ID), slog.Any("error", err))
	}
	return false
}

// bounceAlarm tells administrators that too much of what a domain or an account
// sends comes back.
func (s *services) bounceAlarm(ctx context.Context, a bounces.Alarm) error {
	held := ""
	who, domain := "The domain "+a.Domain, a.Domain
	cause := "Ask who of the domain writes to many, and where the addresses come from"
	if a.Account != 0 {
		account, err := s.accounts.Get(ctx, a.Account)
		if err != nil {
			return err
		}
		if held, err = s.holdSuspect(ctx, account, "too much of its mail comes back"); err != nil {
			return err
		}
		who, domain = "The account "+account.Address.String(), account.Address.Domain
		cause = fmt.Sprintf("Ask its owner where the addresses come from. If they know of nothing, somebody else has the password: gomail account passwd %s", account.Address)
	} else if hosted, err := s.domains.Hosted(ctx, domain); err != nil || !hosted {
		return err // mail of others that passes through
	}
	text := fmt.Sprintf("Much of what %s sends comes back: %s.\n\n"+
		"Servers that get such mail take the sender for a spammer, and refuse its other mail too.\n\n"+
		"%s.%s\n\nWhat came back, and why:\n\n  gomail bounces %s\n  gomail suppress list ACCOUNT\n\nWhat else may be wrong (SPF, DKIM, content):\n\n  gomail doctor\n\n"+
		"This is told again only after it has been better.\n", strings.ToLower(who[:1])+who[1:], a.Describe(), cause, held, domain)
	return s.tellAdministrators(ctx, domain, "High bounce rate: "+who[4:], text)
}
