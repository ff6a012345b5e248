package domains

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
)

// CheckKeys calls found for every DKIM key that the secret key does not open,
// or whose halves do not belong together.
func (s *Service) CheckKeys(ctx context.Context, found func(problem string)) error {
	keys, err := s.config.Store.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		signer, err := s.open(k)
		if err != nil {
			found("a DKIM key cannot be used: " + err.Error())
			continue
		}
		if public := publicOf(signer); !bytes.Equal(public, k.PublicKey) {
			found(fmt.Sprintf("the halves of a DKIM key do not belong together (%s of %s)", k.Selector, k.Domain))
		}
	}
	return nil
}

// publicOf is what the record of a signing key would hold.
func publicOf(s Signer) []byte {
	if public, ok := s.Private.Public().(ed25519.PublicKey); ok {
		return public
	}
	der, err := x509.MarshalPKIXPublicKey(s.Private.Public())
	if err != nil {
		return nil
	}
	return der
}
