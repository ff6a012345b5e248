package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/dnsplan"
	"gomail/domains"
)

// Key is a DKIM key without its private half.
type Key struct {
	Selector  string          `json:"selector"`
	Algorithm string          `json:"algorithm"`
	State     string          `json:"state"`
	Created   time.Time       `json:"created"`
	Since     time.Time       `json:"since" doc:"when it came into its state; of a pending key: when every server had it, created until then"`
	PublicKey string          `json:"public_key" doc:"base64, the record's p= tag"`
	Record    string          `json:"record" doc:"the name of its TXT record"`
	Value     string          `json:"value" doc:"and its value"`
	Stages    []domains.Stage `json:"stages" doc:"its life, stage by stage"`
}

func (a *API) showKey(k gomail.DKIMKey) Key {
	return Key{
		Selector: k.Selector, Algorithm: k.Algorithm, State: string(k.State), Created: k.Created, Since: k.Since,
		PublicKey: base64.StdEncoding.EncodeToString(k.PublicKey), Record: k.Selector + "._domainkey." + k.Domain,
		Value: dnsplan.DKIMValue(k), Stages: a.config.Domains.Stages(k),
	}
}

// NewKey is what a key is made from.
type NewKey struct {
	Algorithm string `json:"algorithm,omitempty" doc:"ed25519, rsa or both; empty: the configured one"`
	Selector  string `json:"selector,omitempty" doc:"empty: the configured one with the month"`
}

func (a *API) registerKeys(h huma.API) {
	huma.Register(h, domainOperation("list-keys", http.MethodGet, "/keys", "A domain's DKIM keys"),
		func(ctx context.Context, in *domainInput) (*list[Key], error) {
			d, err := a.config.Domains.Get(ctx, in.Name)
			if err != nil {
				return nil, problem(err)
			}
			keys, err := a.config.Domains.Keys(ctx, d.Name)
			return listOf(keys, err, a.showKey)
		})
	huma.Register(h, domainOperation("rotate-keys", http.MethodPost, "/rotate", "Begin to replace the keys: new ones are made, and sign once the world has seen them"),
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body NewKey
		}) (*list[Key], error) {
			keys, err := a.config.Domains.Rotate(ctx, in.Name, in.Body.Algorithm, in.Body.Selector)
			a.tell(EventKeys, in.Name)
			return listOf(keys, err, a.showKey)
		})
	huma.Register(h, domainOperation("retire-key", http.MethodPost, "/keys/{selector}/retire", "Stop signing with a key; it stays published for a while"),
		func(ctx context.Context, in *struct {
			Name     string `path:"name"`
			Selector string `path:"selector"`
		}) (*struct{}, error) {
			d, err := a.config.Domains.Get(ctx, in.Name)
			if err != nil {
				return nil, problem(err)
			}
			err = a.config.Domains.Retire(ctx, d.Name, in.Selector)
			a.tell(EventKeys, d.Name)
			return nil, problem(err)
		})
	huma.Register(h, domainOperation("generate-key", http.MethodPost, "/keys", "Make further DKIM keys, pending until they are in the DNS"),
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body NewKey
		}) (*list[Key], error) {
			keys, err := a.config.Domains.Generate(ctx, in.Name, in.Body.Algorithm, in.Body.Selector)
			a.tell(EventKeys, in.Name)
			return listOf(keys, err, a.showKey)
		})
}
