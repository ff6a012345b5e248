package web

import (
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"gomail/web/api"
)

// policy is the Content-Security-Policy: everything is the site's own, and
// nothing may frame it. Svelte makes its templates under the one name that may
// make markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html"

// secure sets the headers that every answer carries.
func (s *Server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if hostOf(r) != "localhost" {
			// On localhost it would bind every other program there to HTTPS.
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recovered answers for a handler that panics, and logs where: one request's
// fault must not end as a closed connection that nobody can explain.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler {
				panic(fault)
			}
			s.log.Error("a request met a fault", slog.String("path", r.URL.Path), slog.Any("error", fault), slog.String("stack", string(debug.Stack())))
			writeText(w, http.StatusInternalServerError, "The server met a fault of its own. Its log says which.")
		}()
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses requests that another site made a browser send, where they
// could change something.
func (s *Server) sameSite(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.AddInsecureBypassPattern("POST " + unsubscribePath) // webmail of others posts it, and only the token counts
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const why = "the request came from another site"
		if isAPI(r) {
			writeProblem(w, http.StatusForbidden, why)
			return
		}
		s.showError(w, r, http.StatusForbidden, why)
	}))
	return protection.Handler(next)
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, api.Path+"/") }

// hostOf returns the name that the request was sent to, in lower case and
// without a port.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
