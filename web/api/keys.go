package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
)

// Key is a DKIM key without its private half.
type Key struct {
	Selector  string    `json:"selector"`
	Algorithm string    `json:"algorithm"`
	State     string    `json:"state"`
	Created   time.Time `json:"created"`
	PublicKey string    `json:"public_key" doc:"base64, the record's p= tag"`
}

func showKey(k gomail.DKIMKey) Key {
	return Key{k.Selector, k.Algorithm, string(k.State), k.Created, base64.StdEncoding.EncodeToString(k.PublicKey)}
}

// NewKey is what a key is made from.
type NewKey struct {
	Algorithm string `json:"algorithm,omitempty" doc:"ed25519, rsa or both; empty: the configured one"`
	Selector  string `json:"selector,omitempty" doc:"empty: the configured one with the month"`
}

func (a *API) registerKeys(h huma.API) {
	huma.Register(h, operation("list-keys", http.MethodGet, "/domains/{name}/keys", "A domain's DKIM keys"),
		func(ctx context.Context, in *domainInput) (*list[Key], error) {
			d, err := a.config.Domains.Get(ctx, in.Name)
			if err != nil {
				return nil, problem(err)
			}
			keys, err := a.config.Domains.Keys(ctx, d.Name)
			return listOf(keys, err, showKey)
		})
	huma.Register(h, operation("rotate-keys", http.MethodPost, "/domains/{name}/rotate", "Begin to replace the keys: new ones are made, and sign once the world has seen them"),
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body NewKey
		}) (*list[Key], error) {
			keys, err := a.config.Domains.Rotate(ctx, in.Name, in.Body.Algorithm, in.Body.Selector)
			return listOf(keys, err, showKey)
		})
	huma.Register(h, operation("retire-key", http.MethodPost, "/domains/{name}/keys/{selector}/retire", "Stop signing with a key; it stays published for a while"),
		func(ctx context.Context, in *struct {
			Name     string `path:"name"`
			Selector string `path:"selector"`
		}) (*struct{}, error) {
			d, err := a.config.Domains.Get(ctx, in.Name)
			if err != nil {
				return nil, problem(err)
			}
			return nil, problem(a.config.Domains.Retire(ctx, d.Name, in.Selector))
		})
	huma.Register(h, operation("generate-key", http.MethodPost, "/domains/{name}/keys", "Make further DKIM keys, pending until they are in the DNS"),
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body NewKey
		}) (*list[Key], error) {
			keys, err := a.config.Domains.Generate(ctx, in.Name, in.Body.Algorithm, in.Body.Selector)
			return listOf(keys, err, showKey)
		})
}
