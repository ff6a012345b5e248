package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gomail"
	"gomail/accounts"
	"gomail/web/api"
)

// The administrators' session. The __Host- prefix binds the cookie to this
// host, to HTTPS and to every path.
const (
	cookieName = "__Host-gomail-admin"
	audience   = "admin"

	// secondCookie is that of somebody whose second factor is still to come.
	secondCookie = "__Host-gomail-second"
)

// challenge is the WWW-Authenticate field that RFC 9110 section 15.5.2 wants
// with every 401.
const challenge = `Cookie realm="GoMail administration", form-action="/signin", cookie-name="` + cookieName + `"`

// setCookie gives the browser a session.
func setCookie(w http.ResponseWriter, token string) {
	http.SetCookie(w, sessionCookie(token, int(accounts.SessionLife/time.Second)))
}

// clearCookie takes it away.
func clearCookie(w http.ResponseWriter) { http.SetCookie(w, sessionCookie("", -1)) }

func sessionCookie(token string, age int) *http.Cookie { return cookie(cookieName, token, age) }

// setSecondCookie remembers that the password was right; it ends with the
// browser, or when the server says so.
func setSecondCookie(w http.ResponseWriter, token string) {
	http.SetCookie(w, cookie(secondCookie, token, 0))
}

func clearSecondCookie(w http.ResponseWriter) { http.SetCookie(w, cookie(secondCookie, "", -1)) }

func cookie(name, token string, age int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	}
}

// token returns the session token that the request carries, or nothing.
func token(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// signedIn returns the administrator whose session the request carries.
func (s *Server) signedIn(r *http.Request) (gomail.Account, error) {
	t := token(r)
	if t == "" {
		return gomail.Account{}, gomail.Errorf(gomail.Unauthenticated, "you are not signed in")
	}
	return s.config.API.Accounts.SignedIn(r.Context(), t, audience)
}

// adminPage lets signed-in administrators through and sends everybody else to
// sign in first.
func (s *Server) adminPage(page http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := s.signedIn(r)
		switch {
		case err == nil:
			page(w, r)
		case gomail.KindOf(err) == gomail.Unauthenticated:
			http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		default:
			s.fail(w, r, err)
		}
	})
}

// principalOf says what an administrator may do with the API.
func (s *Server) principalOf(r *http.Request, a gomail.Account) (api.Principal, error) {
	domains, err := s.config.API.Accounts.Manages(r.Context(), a.ID)
	return api.Principal{
		Name: a.Address.String(), Server: a.Role == gomail.RoleAdmin, Domains: domains,
		Account: a.ID, Session: accounts.SessionID(token(r)), Remote: remote(r), Host: r.Host,
	}, err
}

// apiTime bounds an answer of the API: checking a large store takes minutes.
const apiTime = 15 * time.Minute

// adminAPI lets signed-in administrators through to the admin API.
func (s *Server) adminAPI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, err := s.signedIn(r)
		var principal api.Principal
		if err == nil {
			principal, err = s.principalOf(r, account)
		}
		switch {
		case err == nil:
			// Where the writer has no deadline there is none to extend.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(apiTime))
			next.ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), principal)))
		case gomail.KindOf(err) == gomail.Unauthenticated:
			w.Header().Set("WWW-Authenticate", challenge)
			writeProblem(w, http.StatusUnauthorized, err.Error())
		default:
			s.log.Error("the session could not be read", slog.Any("error", err))
			writeProblem(w, http.StatusServiceUnavailable, "the session could not be read: try again in a moment")
		}
	})
}
