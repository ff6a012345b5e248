package main

import (
	"context"

	"gomail/accounts/tokens"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/internal/config"
)

// newVerifier makes what takes an issuer's tokens.
func newVerifier(c config.OAuth) (*tokens.Verifier, error) {
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

// probeIssuer tries the issuer of tokens, where there is one, and tells what came
// of it.
func probeIssuer(ctx context.Context, c config.OAuth, tell func(found string, err error)) error {
	if c.Issuer == "" {
		return nil
	}
	v, err := newVerifier(c)
	if err != nil {
		return err
	}
	tell(v.Probe(ctx))
	return nil
}

// issuerFindings are the doctor's about the issuer of tokens.
func issuerFindings(ctx context.Context, c config.OAuth) (findings []doctor.Finding, err error) {
	err = probeIssuer(ctx, c, func(found string, err error) {
		f := doctor.Finding{Check: "token issuer", State: doctor.OK, Found: c.Issuer + " " + found}
		if err != nil {
			f.State = doctor.Problem
			f.Found, f.Mend = splitMend(err)
		}
		findings = append(findings, f)
	})
	return findings, err
}
