package main

import (
	"context"
	"net"
	"strconv"

	"gomail/bounces"
	"gomail/internal/seal"
	"gomail/lists"
)

// listSetting is the secret by which addresses and links of lists' members are
// known to be made here. They do not expire, so that it outlives the secret key.
const listSetting = "list_token_secret"

// newLists returns the service of mailing lists.
func (s *services) newLists(ctx context.Context, sealer *seal.Sealer, o outside) (*lists.Service, error) {
	secret, err := keptSecret(ctx, sealer, s.store, listSetting)
	return lists.New(lists.Config{
		Store: s.store, Tokens: lists.Tokens{Secret: secret}, Site: func() string { return s.site }, Changed: s.domains.Reload, Clock: o.clock, Logger: s.log,
		Hard: func(status, diagnostic string) bool { return bounces.Classify(0, status, diagnostic) == bounces.Hard },
	}), err
}

// openSite notes where the pages are that members of lists are led to: at the
// mail host, for which there is a certificate.
func (s *server) openSite() {
	if len(s.bound["web.listen"]) == 0 {
		return
	}
	host := s.config.Server.Hostname
	if port := s.httpsPort(); port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	s.site = "https://" + host
}
