package main

import (
	"context"
	"slices"

	"gomail"
	"gomail/internal/webclient"
	"gomail/mxsend"
	"gomail/mxsend/sts"
	"gomail/reports/tlsrpt"
)

// stsPolicies finds the MTA-STS policies of the domains to which mail goes, by
// the way that the mail takes.
func (s *server) stsPolicies(o outside, c mxsend.Config) (*sts.Cache, error) {
	web := webclient.New(webclient.Config{
		Resolver: o.resolver, Dial: o.dial, Roots: c.TLS.RootCAs, AllowPrivateNetworks: c.AllowPrivateNetworks,
	})
	return sts.New(context.Background(), sts.Config{Store: s.store, Resolver: o.resolver, Web: web, Logger: s.log})
}

// makeTLSReports prepares to report on the sessions that are counted, if any
// are. Reports are posted whatever certificate a server has: it may be what they
// are about (RFC 8460 section 3).
func (s *server) makeTLSReports(o outside, c mxsend.Config) {
	if s.sessions == nil {
		return
	}
	web := webclient.New(webclient.Config{Resolver: o.resolver, Dial: o.dial, AllowPrivateNetworks: c.AllowPrivateNetworks, AnyCertificate: true})
	s.tlsrpt = tlsrpt.NewSender(tlsrpt.Config{
		Store: s.store, From: s.reporter, LookupTXT: o.resolver.LookupTXT, Mailer: reportMailer{s.outbound, gomail.TLSOptional}, Post: web.Post,
		Skip:     func(domain string) bool { return slices.Contains(s.config.Reports.Skip, domain) },
		Hostname: s.config.Server.Hostname, Clock: o.clock, Logger: s.log,
	})
}

// tlsReportTasks are what makeTLSReports made.
func (s *server) tlsReportTasks() []task {
	if s.sessions == nil {
		return nil
	}
	return []task{{"TLS sessions", s.sessions.Run}, {"TLS reports", s.tlsrpt.Run}}
}

// reporter returns who this server's reports are from: the postmaster of the
// domain in which the mail host lies, or else of the first that signs its mail.
// NotFound: no domain does.
func (s *services) reporter(ctx context.Context) (gomail.Address, error) {
	home, err := s.home(ctx)
	if err != nil {
		return gomail.Address{}, err
	}
	all, err := s.domains.List(ctx)
	if err != nil {
		return gomail.Address{}, err
	}
	names := []string{home}
	for _, d := range all {
		if !d.Disabled {
			names = append(names, d.Name)
		}
	}
	for _, name := range names {
		// Not Signers: it looks for keys that were just published, which mail
		// that is sent a moment later then does not.
		keys, err := s.domains.Keys(ctx, name)
		if err != nil && gomail.KindOf(err) != gomail.NotFound {
			return gomail.Address{}, err
		}
		if slices.ContainsFunc(keys, func(k gomail.DKIMKey) bool { return k.State == gomail.DKIMActive }) {
			return gomail.Address{Local: "postmaster", Domain: name}, nil
		}
	}
	return gomail.Address{}, gomail.Errorf(gomail.NotFound, "no domain here signs its mail")
}
