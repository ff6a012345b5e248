package main

import (
	"bytes"
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
	site := func() string {
		if s.site == nil {
			return ""
		}
		return s.site()
	}
	return lists.New(lists.Config{
		Store: s.store, Tokens: lists.Tokens{Secret: secret}, Site: site, Changed: s.domains.Reload, Clock: o.clock, Logger: s.log,
		Hard: func(status, diagnostic string) bool { return bounces.Classify(0, status, diagnostic) == bounces.Hard },
	}), err
}

// publicSite says where the pages are that members of lists are led to: at the
// mail host, unless the configuration names another place. It is empty where
// nothing listens, and as long as the certificate is one that no mail provider
// would follow a link to.
func (s *server) publicSite() string {
	if s.config.Web.PublicURL != "" {
		return s.config.Web.PublicURL
	}
	c, host := s.certs.Certificate(), s.config.Server.Hostname
	if len(s.bound["web.listen"]) == 0 || bytes.Equal(c.RawIssuer, c.RawSubject) || c.VerifyHostname(host) != nil {
		return ""
	}
	if port := s.httpsPort(); port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return "https://" + host
}
