package web

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/url"
	"time"
)

// HTTPServer returns a server with limits on what a client may send and how
// long it may take. The TLS configuration is nil for plain HTTP.
func HTTPServer(handler http.Handler, config *tls.Config) *http.Server {
	return &http.Server{
		Handler: handler, TLSConfig: config,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		// What net/http would log are the failed handshakes of scanners: no
		// news. Faults of handlers are logged where they are caught.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// Redirect returns the handler for plain HTTP: it sends whoever asks for the
// hostname to HTTPS, and nobody else, so that no request can choose where it
// leads.
func Redirect(hostname string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case hostOf(r) != hostname:
			writeText(w, http.StatusMisdirectedRequest, "This server is "+hostname+".")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			// What was sent has travelled in the clear; repeating it would hide that.
			w.Header().Set("Allow", "GET, HEAD")
			writeText(w, http.StatusMethodNotAllowed, "Use https://"+hostname+".")
		default:
			to := url.URL{Scheme: "https", Host: hostname, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
		}
	})
}
