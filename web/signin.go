package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"gomail"
	"gomail/accounts"
)

// maxForm bounds the sign-in form in octets.
const maxForm = 16 << 10

// signInPage is what the page shows.
type signInPage struct {
	Address string // as it was typed
	Next    string // where to go afterwards
	Error   string // a sentence; empty: none
}

// showSignIn shows the form, or goes on when there is a session already.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := safeNext(r.URL.Query().Get("next"))
	if _, err := s.signedIn(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.render(w, r, http.StatusOK, "signin.html", "Sign in", signInPage{Next: next})
}

// signIn opens a session. One that the browser had ends: a token that
// somebody else placed there must not become a signed-in one.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.showError(w, r, http.StatusBadRequest, "the form could not be read: go back and try again")
		return
	}
	form := signInPage{Address: strings.TrimSpace(r.PostForm.Get("address")), Next: safeNext(r.PostForm.Get("next"))}
	fresh, _, err := s.config.API.Accounts.SignIn(r.Context(), accounts.Attempt{
		Username: form.Address, Password: r.PostForm.Get("password"), Remote: remote(r), Protocol: "web",
	}, audience)
	if err != nil {
		s.refuseSignIn(w, r, form, err)
		return
	}
	s.endSession(r)
	setCookie(w, fresh)
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
}

// refuseSignIn shows the form again with what is wrong.
func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, form signInPage, err error) {
	status := http.StatusForbidden
	form.Error = sentence(err.Error())
	switch gomail.KindOf(err) {
	case gomail.Unauthenticated:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", challenge)
	case gomail.Throttled:
		status = http.StatusTooManyRequests
	case gomail.Forbidden, gomail.Disabled:
	default:
		s.log.Error("sign-in failed", slog.String("remote", remote(r).String()), slog.Any("error", err))
		status = http.StatusServiceUnavailable
		form.Error = "The server cannot check passwords now. Try again in a moment."
	}
	s.render(w, r, status, "signin.html", "Sign in", form)
}

// signOut ends the session. Without one there is nothing to do.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	s.endSession(r)
	clearCookie(w)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// endSession ends the session that the request carries, if any.
func (s *Server) endSession(r *http.Request) {
	old := token(r)
	if old == "" {
		return
	}
	err := s.config.API.Accounts.SignOut(r.Context(), old)
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		s.log.Error("a session was not ended", slog.Any("error", err))
	}
}

// safeNext returns where to go after sign-in: an administrator's page of this
// site and nothing else.
func safeNext(next string) string {
	if strings.HasPrefix(next, "/admin/") && !strings.ContainsAny(next, "\\\r\n") {
		return next
	}
	return "/admin/"
}

// remote returns the address that the request came from.
func remote(r *http.Request) netip.Addr {
	// net/http writes it itself; the zero address stands for one it could not.
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap()
}
