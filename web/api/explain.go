package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail/explain"
)

// Explainer tells what became of messages.
type Explainer interface {
	// Explain tells of the messages that a text names: the name in logs and
	// replies, the queue's name, a Message-ID, or an address; the newest
	// first. Invalid when it is none of these.
	Explain(ctx context.Context, what string) ([]explain.Story, error)
}

func (a *API) registerExplain(h huma.API) {
	huma.Register(h, operation("explain", http.MethodGet, "/explain", "Why messages of the last two weeks were accepted, refused, put into Junk, signed, delayed; the newest first, at most 20"),
		func(ctx context.Context, in *struct {
			What string `query:"what" required:"true" minLength:"3" maxLength:"998" doc:"the name of a message in a reply or log, of the queue, its Message-ID, or an address"`
		}) (*list[explain.Story], error) {
			stories, err := a.config.Explainer.Explain(ctx, in.What)
			return listOf(stories, err, same)
		})
}
