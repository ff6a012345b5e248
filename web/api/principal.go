package api

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
)

// Principal is for whom a request is answered. Whoever mounts the API puts it
// into the request's context; without one nothing is answered.
type Principal struct {
	Name    string   // an administrator's address, or "socket"
	Server  bool     // manages the whole server
	Socket  bool     // came through the socket: may name files of the machine
	Domains []string // that a domain administrator manages, canonical

	Account gomail.AccountID // who is signed in; 0: nobody is, as over the socket
	Session string           // the ID of the session
	Remote  netip.Addr
	Host    string // name and port under which the site was opened
}

type principalKey struct{}

// WithPrincipal returns a context for requests of a principal.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Trusted mounts the API for those whom the way in has authenticated already:
// the Unix socket's permissions are the credential.
func Trusted(next http.Handler, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(WithPrincipal(r.Context(), Principal{Name: name, Server: true, Socket: true})))
	})
}

func principal(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// Manages reports whether the principal may manage a domain, canonical.
func (p Principal) Manages(domain string) bool {
	if p.Server {
		return true
	}
	for _, d := range p.Domains {
		if d == domain {
			return true
		}
	}
	return false
}

// administrates reports whether the principal manages anything at all.
func (p Principal) administrates() bool { return p.Server || len(p.Domains) > 0 }

// scope is who may use an operation.
type scope string

// The scopes. An operation that names none is for server administrators.
const (
	ofServer scope = "server" // server administrators
	ofDomain scope = "domain" // who manages the {name} in the path
	ofSocket scope = "socket" // who may open the socket: it names files of the machine
	ofAnyone scope = "anyone" // every administrator; the operation shows each only theirs
)

const scopeKey = "scope"

// operation describes an operation of the server in a line.
func operation(id, method, path, summary string) huma.Operation {
	return scoped(ofServer, id, method, path, summary)
}

// domainOperation describes an operation on the domain {name}.
func domainOperation(id, method, path, summary string) huma.Operation {
	return scoped(ofDomain, id, method, "/domains/{name}"+path, summary)
}

func scoped(s scope, id, method, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: Path + path, Summary: summary, Metadata: map[string]any{scopeKey: s}}
}

// authorize refuses what the principal may not do. Somebody else's domain
// looks as if it were not there.
func authorize(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		p := principal(c.Context())
		s, _ := c.Operation().Metadata[scopeKey].(scope)
		switch {
		case p.Name == "":
			refuse(h, c, http.StatusUnauthorized, "you are not signed in")
		case !p.administrates():
			refuse(h, c, http.StatusForbidden, "this account is not an administrator")
		case s == ofSocket && p.Server && !p.Socket:
			refuse(h, c, http.StatusForbidden, "this is done on the server's machine, with the gomail command")
		case p.Server, s == ofAnyone, s == ofDomain && p.Manages(canonical(c.Param("name"))):
			next(c)
		case s == ofDomain:
			refuse(h, c, http.StatusNotFound, "the domain "+c.Param("name")+" is not one that you manage")
		default:
			refuse(h, c, http.StatusForbidden, "this is for administrators of the whole server")
		}
	}
}

func refuse(h huma.API, c huma.Context, status int, why string) {
	// The client may be gone; nobody is left to tell.
	_ = huma.WriteErr(h, c, status, why)
}

// canonical is a domain's canonical name; one that has none manages nothing.
func canonical(name string) string {
	name, err := gomail.CanonicalDomain(name)
	if err != nil {
		return ""
	}
	return name
}
