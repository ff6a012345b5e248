package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gomail"
	"gomail/accounts"
	"gomail/bounces"
	"gomail/domains"
	"gomail/lists"
	"gomail/mailbox"
	"gomail/queue"
)

// Path is where the API is mounted.
const Path = "/api/v1"

// Config is what the API manages.
type Config struct {
	Accounts  *accounts.Service
	Domains   *domains.Service
	Queue     *queue.Queue
	Settings  ServerSettings
	Sending   Sending
	Bounces   *bounces.Service
	Lists     *lists.Service
	Mailboxes *mailbox.Service
	Check     func(ctx context.Context, found func(problem string)) error
	Backup    func(ctx context.Context, request BackupRequest, progress func(done, total int64)) (BackupReport, error)
	Collect   func(ctx context.Context, olderThan time.Duration) (Collected, error)

	Watcher   Watcher
	Publisher Publisher
	Policies  Policies
	Reports   Reports
	Explainer Explainer

	Certificates Certificates

	Hub      *Hub            // nil: nobody is told of changes
	Stopping <-chan struct{} // closed when streams are to end; nil: never

	Version  string
	Hostname string
}

// API serves the admin API.
type API struct {
	config    Config
	mux       *http.ServeMux
	heartbeat time.Duration // of the stream of events
}

// New returns the handler of the API.
func New(c Config) *API {
	a := &API{config: c, mux: http.NewServeMux(), heartbeat: heartbeat}
	hc := huma.DefaultConfig("GoMail admin API", c.Version)
	hc.OpenAPIPath, hc.DocsPath, hc.SchemasPath = Path+"/openapi", "", Path+"/schemas"
	hc.CreateHooks = nil // no $schema fields in answers
	hc.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	h := humago.New(a.mux, hc)
	h.UseMiddleware(authorize(h))
	a.registerMe(h)
	a.registerStatus(h)
	a.registerBackup(h)
	a.registerCollect(h)
	a.registerServer(h)
	a.registerDomains(h)
	a.registerRecords(h)
	a.registerWatch(h)
	a.registerPublishing(h)
	a.registerPolicies(h)
	a.registerReports(h)
	a.registerCertificates(h)
	a.registerKeys(h)
	a.registerAccounts(h)
	a.registerSending(h)
	a.registerHolds(h)
	a.registerBounces(h)
	a.registerCredentials(h)
	a.registerGrants(h)
	a.registerOneself(h)
	a.registerAliases(h)
	a.registerLists(h)
	a.registerQueue(h)
	a.registerExplain(h)
	if c.Hub != nil {
		a.mux.HandleFunc("GET "+Path+"/events", a.events)
	}
	return a
}

// schemaName names a type in the API's description. Names are those of Go;
// where two packages use one, that of the ladder or of explain has its
// package's before it.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for suffix, prefix := range map[string]string{"/ladder": "Ladder", "/explain": "Explain"} {
		if strings.HasSuffix(t.PkgPath(), suffix) && !strings.HasPrefix(name, prefix) {
			return prefix + name
		}
	}
	return name
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	a.mux.ServeHTTP(w, r)
}

// statuses maps kinds of error to HTTP.
var statuses = map[gomail.Kind]int{
	gomail.Invalid:         http.StatusUnprocessableEntity,
	gomail.NotFound:        http.StatusNotFound,
	gomail.Exists:          http.StatusConflict,
	gomail.Forbidden:       http.StatusForbidden,
	gomail.Unauthenticated: http.StatusUnauthorized,
	gomail.Throttled:       http.StatusTooManyRequests,
	gomail.Disabled:        http.StatusForbidden,
	gomail.TooLarge:        http.StatusRequestEntityTooLarge,
	gomail.TooMany:         http.StatusUnprocessableEntity,
	gomail.NoSpace:         http.StatusInsufficientStorage,
	gomail.Unavailable:     http.StatusServiceUnavailable,
	gomail.Closed:          http.StatusServiceUnavailable,
}

// problem turns an error into an answer. What is ours alone is not explained
// to the outside.
func problem(err error) error {
	if err == nil {
		return nil
	}
	if status, ok := statuses[gomail.KindOf(err)]; ok {
		return huma.NewError(status, err.Error())
	}
	return huma.NewError(http.StatusInternalServerError, "the server met a fault of its own: "+err.Error())
}

// list is an answer with several items.
type list[T any] struct {
	Body []T
}

// one is an answer with one item.
type one[T any] struct {
	Body T
}

// listOf turns items into an answer.
func listOf[A, B any](items []A, err error, show func(A) B) (*list[B], error) {
	if err != nil {
		return nil, problem(err)
	}
	body := make([]B, len(items))
	for i, item := range items {
		body[i] = show(item)
	}
	return &list[B]{body}, nil
}

// oneOf turns an item into an answer.
func oneOf[A, B any](item A, err error, show func(A) B) (*one[B], error) {
	if err != nil {
		return nil, problem(err)
	}
	return &one[B]{show(item)}, nil
}
