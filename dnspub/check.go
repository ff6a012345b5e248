package dnspub

import (
	"context"
	"fmt"
)

// CheckSecrets calls found for every connection whose credentials the secret
// key does not open.
func (p *Publisher) CheckSecrets(ctx context.Context, found func(problem string)) error {
	all, err := p.config.Store.Connections(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		_, sealed, err := p.config.Store.Connection(ctx, c.Name)
		if err != nil {
			return err
		}
		if _, err := p.config.Sealer.Open(sealed, place(c.Name)); err != nil {
			found(fmt.Sprintf("the credentials of the DNS connection %s cannot be used: %v", c.Name, err))
		}
	}
	return nil
}
