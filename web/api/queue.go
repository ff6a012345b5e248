package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/queue"
)

// QueuedMessage is a message that waits to be delivered.
type QueuedMessage struct {
	ID         string            `json:"id"`
	From       string            `json:"from" doc:"empty: a notification"`
	Size       int64             `json:"size"`
	Received   time.Time         `json:"received"`
	Expires    time.Time         `json:"expires"`
	Release    *time.Time        `json:"release,omitempty" doc:"before which its sender does not want it delivered"`
	DeliverBy  *time.Time        `json:"deliver_by,omitempty" doc:"by which its sender wants it delivered"`
	ByMode     string            `json:"by_mode,omitempty" doc:"what becomes of it when it is late: R, it is returned; N, its sender is told; T after either: hand-overs are told"`
	TLS        string            `json:"tls,omitempty" enum:"required,optional" doc:"required: it only goes to verified servers that promise the same (REQUIRETLS); optional: no policy holds it up (TLS-Required: No)"`
	Recipients []QueuedRecipient `json:"recipients"`
}

// QueuedRecipient is a recipient that was not reached yet.
type QueuedRecipient struct {
	Address   string    `json:"address"`
	Status    string    `json:"status" enum:"pending,held"`
	Due       time.Time `json:"due"`
	Attempts  int       `json:"attempts"`
	LastError string    `json:"last_error"`
	LastTLS   string    `json:"last_tls,omitempty" doc:"what protected the way to the server that the last attempt reached"`
}

func showQueued(m queue.Summary) QueuedMessage {
	q := QueuedMessage{ID: m.Key.String(), From: m.Envelope.From.String(), Size: m.Size, Received: m.Received, Expires: m.Expires}
	if at := m.Envelope.Release; !at.IsZero() {
		q.Release = &at
	}
	if by := m.Envelope.DeliverBy; !by.Deadline.IsZero() {
		q.DeliverBy, q.ByMode = &by.Deadline, by.Mode()
	}
	switch m.Envelope.TLS {
	case gomail.TLSRequired:
		q.TLS = "required"
	case gomail.TLSOptional:
		q.TLS = "optional"
	}
	for _, r := range m.Rcpts {
		q.Recipients = append(q.Recipients, QueuedRecipient{r.Address.String(), r.Status.String(), r.Due, r.Attempts, r.LastError, r.LastTLS})
	}
	return q
}

type queuedInput struct {
	ID string `path:"id"`
}

func (a *API) registerQueue(h huma.API) {
	huma.Register(h, operation("list-queue", http.MethodGet, "/queue", "Messages that wait to be delivered"), a.listQueue)
	huma.Register(h, operation("get-queued", http.MethodGet, "/queue/{id}", "One of them"),
		func(ctx context.Context, in *queuedInput) (*one[QueuedMessage], error) {
			key, err := queue.ParseKey(in.ID)
			if err != nil {
				return nil, problem(err)
			}
			m, err := a.config.Queue.Show(ctx, key)
			return oneOf(m, err, showQueued)
		})
	a.registerQueueAction(h, "retry-queued", http.MethodPost, "/queue/{id}/retry", "Try it now", a.config.Queue.Retry)
	a.registerQueueAction(h, "hold-queued", http.MethodPost, "/queue/{id}/hold", "Do not try it until it is released", a.config.Queue.Hold)
	a.registerQueueAction(h, "release-queued", http.MethodPost, "/queue/{id}/release", "End a hold", a.config.Queue.Retry)
	a.registerQueueAction(h, "drop-queued", http.MethodDelete, "/queue/{id}", "Remove it without telling its sender", a.config.Queue.Drop)
}

func (a *API) listQueue(ctx context.Context, in *struct {
	After string `query:"after" doc:"the id of the last message of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*list[QueuedMessage], error) {
	after := queue.Key{Slot: -1}
	if in.After != "" {
		var err error
		if after, err = queue.ParseKey(in.After); err != nil {
			return nil, problem(err)
		}
	}
	messages, err := a.config.Queue.List(ctx, after, in.Limit)
	return listOf(messages, err, showQueued)
}

func (a *API) registerQueueAction(h huma.API, id, method, path, summary string, act func(context.Context, queue.Key) error) {
	huma.Register(h, operation(id, method, path, summary),
		func(ctx context.Context, in *queuedInput) (*struct{}, error) {
			key, err := queue.ParseKey(in.ID)
			if err != nil {
				return nil, problem(err)
			}
			return nil, problem(act(ctx, key))
		})
}
