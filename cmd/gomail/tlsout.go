package main

import (
	"context"

	"gomail/internal/webclient"
	"gomail/mxsend"
	"gomail/mxsend/sts"
)

// stsPolicies finds the MTA-STS policies of the domains to which mail goes, by
// the way that the mail takes.
func (s *server) stsPolicies(o outside, c mxsend.Config) (*sts.Cache, error) {
	web := webclient.New(webclient.Config{
		Resolver: o.resolver, Dial: o.dial, Roots: c.TLS.RootCAs, AllowPrivateNetworks: c.AllowPrivateNetworks,
	})
	return sts.New(context.Background(), sts.Config{Store: s.store, Resolver: o.resolver, Web: web, Logger: s.log})
}
