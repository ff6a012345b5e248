package main

import "gomail/dnspub"

// extraProviders are DNS providers that are compiled in beside GoMail's own:
// the place for any module with the interfaces of libdns. An entry names the
// credentials that it asks for and makes the module's provider of them:
//
//	{Info: dnsplan.ProviderInfo{Name: "example", Title: "Example DNS", Fields: ...},
//	 Open: func(c map[string]string, _ dnspub.Options) (dnspub.Provider, error) {
//		return &example.Provider{APIToken: c["api_token"]}, nil
//	 }}
func extraProviders() []dnspub.Extra { return nil }
