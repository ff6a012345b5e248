package main

import (
	"gomail/accounts"
	"gomail/accounts/tokens"
	"gomail/internal/config"
)

// newVerifier makes what takes an issuer's tokens.
func newVerifier(c config.OAuth) (accounts.Tokens, error) {
	secret := ""
	if c.ClientSecretFile != "" {
		var err error
		if secret, err = readLine(c.ClientSecretFile, "the client secret for asking about tokens"); err != nil {
			return nil, err
		}
	}
	return tokens.New(tokens.Config{
		Issuer: c.Issuer, Audience: c.Audience, Scope: c.Scope, Claim: c.Claim, KeysURL: c.KeysURL,
		IntrospectionURL: c.IntrospectionURL, ClientID: c.ClientID, ClientSecret: secret,
	}), nil
}
