package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"gomail"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/internal/config"
	"gomail/milter"
)

// milterChains makes what examines mail on its way in and out.
func (s *server) milterChains() (err error) {
	if s.milters.incoming, err = s.newMilters("milter.incoming", s.config.Milter.Incoming); err != nil {
		return err
	}
	s.milters.submission, err = s.newMilters("milter.submission", s.config.Milter.Submission)
	return err
}

// milters are the programs that examine mail.
type milters struct{ incoming, submission *milter.Chain }

func (s *server) newMilters(key string, addresses []string) (*milter.Chain, error) {
	c := s.config
	chain, err := milter.New(milter.Config{
		Hostname: c.Server.Hostname, Timeout: c.Milter.Timeout, MaxBytes: int64(c.SMTP.MaxMessageSize) + 1<<20, Accept: c.Milter.Unavailable == "accept", Logger: s.log,
	}, addresses...)
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "%s: %w", key, err)
	}
	return chain, nil
}

// checkMilters refuses addresses that are none.
func checkMilters(c config.Milter) error {
	for key, list := range map[string][]string{"incoming": c.Incoming, "submission": c.Submission} {
		for _, a := range list {
			if _, _, err := milter.ParseAddress(a); err != nil {
				return gomail.Errorf(gomail.Invalid, "milter.%s: %w", key, err)
			}
		}
	}
	return nil
}

// milterFindings are the doctor's about milters.
func milterFindings(c config.Milter) []doctor.Finding {
	state, means := doctor.Problem, "mail waits"
	if c.Unavailable == "accept" {
		state, means = doctor.Warning, "mail is taken without it"
	}
	var findings []doctor.Finding
	for _, a := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.Incoming, c.Submission)))) {
		f := doctor.Finding{Check: "milter " + a, State: doctor.OK, Found: "answers"}
		network, address, err := milter.ParseAddress(a)
		if err == nil {
			var conn net.Conn
			if conn, err = net.DialTimeout(network, address, 3*time.Second); err == nil {
				conn.Close()
			}
		}
		if err != nil {
			f.State, f.Found, f.Mend = state, "it does not answer, and "+means+": "+err.Error(), "Start it, and let GoMail's user connect to it; or take it out of [milter]."
		}
		findings = append(findings, f)
	}
	return findings
}

// filtering is what a session says to the milters about one message.
type filtering struct {
	chain   *milter.Chain
	account func(ctx context.Context) (string, error) // who signed in; nil: nobody does here
	message *milter.Message                           // nil: there is none, or nobody to ask
}

// mail tells who sends.
func (f *filtering) mail(ctx context.Context, c *gomail.Client, id string, from gomail.Address) error {
	f.close()
	if f.chain.Empty() {
		return nil
	}
	client := milter.Client{Addr: c.Addr, Helo: c.Helo, TLS: c.TLS, ID: id, Submission: f.account != nil}
	if f.account != nil {
		account, err := f.account(ctx)
		if err != nil {
			return fmt.Errorf("name the account to the filters: %w", err)
		}
		client.Account = account
	}
	message, err := f.chain.Begin(ctx, client, from)
	f.message = message
	return err
}

// rcpt tells of a recipient.
func (f *filtering) rcpt(ctx context.Context, to gomail.Address) error {
	if f.message == nil {
		return nil
	}
	return f.message.Rcpt(ctx, to)
}

func (f *filtering) close() {
	f.message.Close()
	f.message = nil
}
