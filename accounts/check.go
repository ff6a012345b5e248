package accounts

import (
	"context"
	"fmt"
)

// CheckSecrets opens every sealed secret of every account and tells of those
// that cannot be read. A password whose SCRAM keys are lost works by PLAIN; an
// authenticator app whose secret is lost has to be removed.
func (s *Service) CheckSecrets(ctx context.Context, found func(problem string)) error {
	if s.sealer == nil {
		return nil
	}
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, account := range all {
		c, err := s.store.Credentials(ctx, account.ID)
		if err != nil {
			return err
		}
		look := func(sealed []byte, place, what string) {
			if len(sealed) == 0 {
				return
			}
			if _, err := s.sealer.Open(sealed, place); err != nil {
				found(fmt.Sprintf("%s of %s cannot be read: %v", what, account.Address, err))
			}
		}
		look(c.SCRAM.Keys, mainPlace(account.ID), "the SCRAM keys of the password")
		look(c.TOTP.Secret, totpPlace(account.ID), "the secret of the authenticator app")
		for _, app := range c.Apps {
			look(app.Keys, appPlace(account.ID, app.ID), "the SCRAM keys of the app password "+app.Name)
		}
	}
	return nil
}
