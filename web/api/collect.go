package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
)

// Collection says since when a body must have been unheld to be removed.
type Collection struct {
	OlderThan string `json:"older_than" doc:"a Go duration such as 24h; 0s: everything that was expunged"`
}

// Collected says what a collection gave back.
type Collected struct {
	Bodies int   `json:"bodies" doc:"messages removed for good"`
	Packs  int   `json:"packs" doc:"pack files rewritten or removed"`
	Octets int64 `json:"octets" doc:"of the files removed"`
}

func (a *API) registerCollect(h huma.API) {
	huma.Register(h, operation("collect", http.MethodPost, "/collect", "Give back the space of expunged messages now"),
		func(ctx context.Context, in *struct{ Body Collection }) (*one[Collected], error) {
			olderThan, err := time.ParseDuration(in.Body.OlderThan)
			if err != nil || olderThan < 0 {
				return nil, problem(gomail.Errorf(gomail.Invalid, "older_than %q is not a duration: write one such as 24h, or 0s", in.Body.OlderThan))
			}
			collected, err := a.config.Collect(ctx, olderThan)
			return oneOf(collected, err, same)
		})
}
