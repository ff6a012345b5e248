package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"

	"gomail/web/api"
)

// Config is what the site serves.
type Config struct {
	API          api.Config                      // the services, the server's name and version
	Ready        func(ctx context.Context) error // nil: always; else why the server cannot do its work now
	Metrics      http.Handler                    // nil: no /metrics
	MetricsAllow []netip.Prefix                  // whose requests /metrics answers; empty: nobody's
	Logger       *slog.Logger                    // nil: silent

	// Certificate returns the mail host's, with which set-up profiles are
	// signed. nil: they are not.
	Certificate func() *tls.Certificate

	// PublicURL is where the site is reached, without a path:
	// "https://mail.example.com". Empty: at API.Hostname.
	PublicURL string
}

// Server is the site.
type Server struct {
	config  Config
	log     *slog.Logger
	assets  assets
	pages   pages
	handler http.Handler
}

// New returns the site. It is an http.Handler for the HTTPS listeners.
func New(c Config) *Server {
	s := &Server{config: c, log: c.Logger, assets: loadAssets(), pages: loadPages()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.pattern, r.handler)
	}
	s.handler = s.recovered(s.secure(s.sameSite(s.autodiscovered(mux))))
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// route is a pattern of http.ServeMux and what answers it.
type route struct {
	pattern string
	handler http.Handler
}

// routes lists everything that the site answers.
func (s *Server) routes() []route {
	return []route{
		{"GET /healthz", http.HandlerFunc(s.health)},
		{"GET /readyz", http.HandlerFunc(s.ready)},
		{"GET /metrics", http.HandlerFunc(s.metrics)},
		{"GET /.well-known/mta-sts.txt", http.HandlerFunc(s.policyFile)},
		{"GET /mail/config-v1.1.xml", http.HandlerFunc(s.thunderbird)},
		{"GET /.well-known/autoconfig/mail/config-v1.1.xml", http.HandlerFunc(s.thunderbird)},
		{"GET " + profilePath, http.HandlerFunc(s.profile)},
		{"GET " + s.assets.prefix, s.assets},
		{"GET " + unsubscribePath, http.HandlerFunc(s.showUnsubscribe)},
		{"POST " + unsubscribePath, http.HandlerFunc(s.unsubscribe)},

		{"GET /{$}", http.RedirectHandler("/admin/", http.StatusSeeOther)},
		{"GET /signin", http.HandlerFunc(s.showSignIn)},
		{"POST /signin", http.HandlerFunc(s.signIn)},
		{"GET /signin/second", http.HandlerFunc(s.showSecond)},
		{"POST /signin/second", http.HandlerFunc(s.secondStep)},
		{"POST /signin/passkey/begin", http.HandlerFunc(s.askPasskey)},
		{"POST /signin/passkey", http.HandlerFunc(s.signInWithPasskey)},
		{"POST /signout", http.HandlerFunc(s.signOut)},

		{"GET /admin/device", s.adminPage(s.showDevice)},
		{"GET /admin/", s.adminPage(s.showApp)},
		{api.Path + "/", s.adminAPI(api.New(s.config.API))},
	}
}
