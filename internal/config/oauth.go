package config

import (
	"gomail"
	"gomail/accounts/tokens"
)

// check refuses what no token could be verified by.
func (o OAuth) check() error {
	if o.Issuer == "" {
		if len(o.Audience) > 0 || o.Scope+o.KeysURL+o.IntrospectionURL+o.ClientID+o.ClientSecretFile != "" {
			return gomail.Errorf(gomail.Invalid, "oauth.issuer is not set, but what its tokens have to be is: write whose tokens are taken, such as https://id.example.com/realms/mail")
		}
		return nil
	}
	for _, u := range []struct{ key, value string }{{"issuer", o.Issuer}, {"keys_url", o.KeysURL}, {"introspection_url", o.IntrospectionURL}} {
		if u.value == "" {
			continue
		}
		if err := tokens.CheckURL(u.value); err != nil {
			return gomail.Errorf(gomail.Invalid, "oauth.%s: %w", u.key, err)
		}
	}
	switch {
	case o.Claim == "":
		return gomail.Errorf(gomail.Invalid, "oauth.claim is empty: write which claim of a token holds the account's address")
	case o.IntrospectionURL == "" && len(o.Audience) == 0:
		return gomail.Errorf(gomail.Invalid, "oauth.audience is not set: tokens that the issuer gave to other programs for other servers would open the mail here; write whom they have to be for")
	case o.IntrospectionURL == "" && o.ClientID+o.ClientSecretFile != "", o.IntrospectionURL != "" && (o.ClientID == "" || o.ClientSecretFile == ""):
		return gomail.Errorf(gomail.Invalid, "oauth.introspection_url, client_id and client_secret_file belong together: set all of them, or none")
	}
	return nil
}
