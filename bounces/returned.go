package bounces

import (
	"context"
	"log/slog"
	"strings"

	"gomail"
	"gomail/message"
)

// Returned takes in what came back by mail. It is looked at later, so that the
// mail waits for nothing. It never blocks.
func (s *Service) Returned(r message.Returned) {
	if r.Kind != message.ReturnFailed && r.Kind != message.ReturnComplaint {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open.returned) >= maxWaiting {
		s.open.dropped++
		return
	}
	s.open.returned = append(s.open.returned, r)
}

// maxSenderGuesses is how many addresses of ours in a bounce are tried for the
// one that sent.
const maxSenderGuesses = 20

// learnAll looks at the messages that came back.
func (s *Service) learnAll(ctx context.Context) {
	s.mu.Lock()
	returned := s.open.returned
	s.open.returned = nil
	s.mu.Unlock()
	for _, r := range returned {
		s.learn(ctx, r)
	}
}

// learn counts what came back of a message that is proved to be ours, for those
// recipients that it is proved to have had.
func (s *Service) learn(ctx context.Context, r message.Returned) {
	x, sender, found := s.origin(ctx, r)
	if !found {
		s.config.Metrics.Returned("unproven")
		s.config.Logger.Info("came back", slog.String("outcome", "not of our mail"), slog.String("kind", string(r.Kind)))
		return
	}
	told := s.proven(x, r)
	s.config.Metrics.Returned(string(r.Kind))
	s.config.Logger.Info("came back", slog.String("outcome", string(r.Kind)), slog.String("msgid", x.id), slog.Int64("account", int64(sender.Account)), slog.Int("recipients", len(told)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Kind == message.ReturnComplaint {
		s.complaint(sender, r.Feedback, told)
		return
	}
	for _, t := range told {
		class := Classify(0, t.Status, t.Diagnostic)
		var c Counts
		*c.class(class) = 1
		s.config.Metrics.Failed(class)
		s.count(sender, c, spamReply(class, t))
		if class == Hard {
			s.fail(s.suppression(sender, t.Address, Bounced, t.Status, t.Diagnostic))
		}
	}
}

func spamReply(class Class, r message.ReturnedRecipient) string {
	if class != Blocked {
		return ""
	}
	return r.Address.Domain + ": " + r.Diagnostic
}

func (s *Service) suppression(sender Sender, to gomail.Address, why Why, status, diagnostic string) Suppression {
	return Suppression{Account: sender.Account, Address: to.Canonical(), Why: why, Last: s.config.Clock(), Status: status, Diagnostic: diagnostic, Returned: true}
}

// complaint counts one (RFC 6650). "not-spam" is the opposite of one, and
// reports on authentication (RFC 6591) are not a person's.
func (s *Service) complaint(sender Sender, kind string, told []message.ReturnedRecipient) {
	if kind == "not-spam" || kind == "auth-failure" || kind == "dkim" {
		return
	}
	s.count(sender, Counts{Complaints: 1}, "")
	for _, t := range told {
		s.fail(s.suppression(sender, t.Address, Complained, "", kind))
	}
}

// origin finds the account whose message came back.
func (s *Service) origin(ctx context.Context, r message.Returned) (token, Sender, bool) {
	tokens := findTokens(r.Text)
	if len(tokens) == 0 {
		return token{}, Sender{}, false
	}
	tried := 0
	for _, a := range message.ReturnedAddresses(r.Text, 200) {
		account, err := s.config.Account(ctx, a)
		if err != nil {
			continue
		}
		for _, x := range tokens {
			if s.config.Tokens.proves(x, account) {
				return x, Sender{account, a.Domain}, true
			}
		}
		if tried++; tried == maxSenderGuesses {
			break
		}
	}
	return token{}, Sender{}, false
}

// proven returns what is said of recipients that the message had, under the
// address that it had. Where a report of complaint names nobody, as most do,
// the addresses in the returned header are tried.
func (s *Service) proven(x token, r message.Returned) (all []message.ReturnedRecipient) {
	seen := map[gomail.Address]bool{}
	take := func(t message.ReturnedRecipient, a gomail.Address) bool {
		if a.IsNull() || seen[a.Canonical()] || !s.config.Tokens.has(x, a) {
			return false
		}
		seen[a.Canonical()] = true
		t.Address = a
		all = append(all, t)
		return true
	}
	for _, t := range r.Recipients {
		if r.Kind == message.ReturnFailed && t.Action != message.DSNFailed {
			continue
		}
		if !take(t, t.Original) {
			take(t, t.Address)
		}
	}
	if r.Kind == message.ReturnComplaint && len(all) == 0 {
		for _, a := range message.ReturnedAddresses(r.Text, 200) {
			take(message.ReturnedRecipient{}, a)
		}
	}
	return all
}

// roles are the local parts of mailboxes that belong to a task, not a person
// (RFC 2142): lists with such recipients were gathered by machines.
var roles = map[string]bool{
	"postmaster": true, "abuse": true, "hostmaster": true, "webmaster": true, "noc": true, "security": true, "usenet": true, "news": true, "www": true,
	"uucp": true, "ftp": true, "info": true, "marketing": true, "sales": true, "support": true, "admin": true, "root": true, "noreply": true, "no-reply": true,
}

func isRole(a gomail.Address) bool { return roles[strings.ToLower(a.Local)] }
