package web

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// HTTPServer returns a server with limits on what a client may send and how
// long it may take. The TLS configuration may be nil, for plain HTTP. A nil
// logger is silent.
func HTTPServer(handler http.Handler, config *tls.Config, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler: handler, TLSConfig: config,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		// Failed handshakes of scanners are no news.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// Redirect returns the handler for plain HTTP: it sends whoever asks for the
// hostname, or for a host at which mail programs look for a set-up file, to HTTPS
// at the port, and answers nobody else, so that no request can choose where it
// leads.
func (s *Server) Redirect(port int) http.Handler {
	hostname := s.config.API.Hostname
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, status := hostOf(r), http.StatusMovedPermanently
		setup := host != hostname && s.isSetupHost(r.Context(), host)
		if port != 443 {
			host = net.JoinHostPort(host, strconv.Itoa(port))
		}
		if setup { // Autodiscover follows no other ([MS-OXDISCO] section 3.1.5.4)
			status = http.StatusFound
		}
		switch {
		case hostOf(r) != hostname && !setup:
			writeText(w, http.StatusMisdirectedRequest, "This server is "+hostname+".")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			// What was sent has travelled in the clear; repeating it would hide that.
			w.Header().Set("Allow", "GET, HEAD")
			writeText(w, http.StatusMethodNotAllowed, "Use https://"+host+".")
		default:
			to := url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), status)
		}
	})
}
