package web

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"gomail"
	"gomail/clientsetup"
)

// setupSettings returns what mail programs need for a domain's accounts.
// NotFound: it is not hosted here, or has no mail.
func (s *Server) setupSettings(ctx context.Context, domain string) (clientsetup.Settings, error) {
	d, err := s.config.API.Domains.Get(ctx, domain)
	if err != nil {
		return clientsetup.Settings{}, err
	}
	if d.Disabled || d.Settings.Parked {
		return clientsetup.Settings{}, gomail.Errorf(gomail.NotFound, "%s has no mail here", d.Name)
	}
	server, err := s.config.API.Settings.Server(ctx)
	offers := server.Services
	return clientsetup.New(d.Name, s.config.API.Hostname, clientsetup.Offers{
		IMAPS: offers.IMAPS, IMAP: offers.IMAP, POP3S: offers.POP3S, Submissions: offers.Submissions, Submission: offers.Submission,
	}), err
}

// setupFor returns the settings and the address that a request names. They are
// the same whether the account exists or not.
func (s *Server) setupFor(ctx context.Context, text string) (clientsetup.Settings, gomail.Address, error) {
	address, err := clientsetup.Address(strings.TrimSpace(text))
	if err != nil {
		return clientsetup.Settings{}, address, err
	}
	settings, err := s.setupSettings(ctx, address.Domain)
	return settings, address, err
}

// isSetupHost reports whether a name is one of a hosted domain's at which
// programs look for a set-up file.
func (s *Server) isSetupHost(ctx context.Context, host string) bool {
	for _, label := range []string{"autoconfig.", "autodiscover."} {
		if domain, ok := strings.CutPrefix(host, label); ok {
			_, err := s.setupSettings(ctx, domain)
			return err == nil
		}
	}
	return false
}

// thunderbird serves config-v1.1.xml: of the address in the query, or of the
// domain whose host was asked.
func (s *Server) thunderbird(w http.ResponseWriter, r *http.Request) {
	var settings clientsetup.Settings
	var err error
	if text := r.URL.Query().Get("emailaddress"); text != "" {
		settings, _, err = s.setupFor(r.Context(), text)
	} else {
		settings, err = s.setupSettings(r.Context(), strings.TrimPrefix(hostOf(r), "autoconfig."))
	}
	if err != nil {
		s.refuseSetup(w, err)
		return
	}
	text, err := settings.Thunderbird()
	s.writeSetup(w, http.StatusOK, "text/xml; charset=utf-8", text, err)
}

// refuseSetup says in a line why there is no file.
func (s *Server) refuseSetup(w http.ResponseWriter, err error) {
	switch kind := gomail.KindOf(err); {
	case kind == gomail.Invalid || kind == gomail.NotFound:
		writeText(w, http.StatusNotFound, "There is no mail for this here.")
	default:
		s.log.Error("a set-up file could not be made", slog.Any("error", err))
		writeText(w, http.StatusServiceUnavailable, "The settings cannot be read now. Try again in a moment.")
	}
}

// writeSetup answers with a file, if it could be made.
func (s *Server) writeSetup(w http.ResponseWriter, status int, kind string, text []byte, err error) {
	if err != nil {
		s.refuseSetup(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write(text)
}

// autodiscovered answers Autodiscover, whose paths come in any letter case, and
// leaves the rest to next.
func (s *Server) autodiscovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.ToLower(r.URL.Path)
		switch {
		case path == "/autodiscover/autodiscover.xml":
			s.autodiscover(w, r)
		case path == "/autodiscover/autodiscover.json", strings.HasPrefix(path, "/autodiscover/autodiscover.json/v1.0/"):
			s.autodiscoverJSON(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// autodiscover answers the POX form.
func (s *Server) autodiscover(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeText(w, http.StatusMethodNotAllowed, "Mail programs ask here by POST.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, clientsetup.MaxRequest))
	if err != nil {
		s.refuseAutodiscover(w, http.StatusRequestEntityTooLarge, clientsetup.BadRequest, "the request is too large or was cut off")
		return
	}
	request, err := clientsetup.ParseRequest(body)
	if err != nil {
		s.refuseAutodiscover(w, http.StatusBadRequest, clientsetup.BadRequest, err.Error())
		return
	}
	if !request.ForOutlook() {
		s.refuseAutodiscover(w, http.StatusOK, clientsetup.NoSuchProvider, "only the settings of IMAP and SMTP are given here")
		return
	}
	settings, address, err := s.setupFor(r.Context(), request.Address)
	if kind := gomail.KindOf(err); kind == gomail.Invalid || kind == gomail.NotFound {
		s.refuseAutodiscover(w, http.StatusOK, clientsetup.NoSuchAddress, "there is no mail for this address here")
		return
	}
	var text []byte
	if err == nil {
		text, err = settings.Autodiscover(address)
	}
	s.writeSetup(w, http.StatusOK, "text/xml; charset=utf-8", text, err)
}

func (s *Server) refuseAutodiscover(w http.ResponseWriter, status, code int, why string) {
	text, err := clientsetup.RefuseAutodiscover(code, sentence(why), time.Now())
	s.writeSetup(w, status, "text/xml; charset=utf-8", text, err)
}

// autodiscoverJSON answers version 2, which says where the POX form is.
func (s *Server) autodiscoverJSON(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		writeText(w, http.StatusMethodNotAllowed, "Mail programs ask here by GET.")
		return
	}
	protocol, email := "", r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	for name, values := range r.URL.Query() { // whose names come in any letter case, too
		switch strings.ToLower(name) {
		case "protocol":
			protocol = values[0]
		case "email":
			email = values[0]
		}
	}
	if _, _, err := s.setupFor(r.Context(), email); err != nil {
		s.refuseSetup(w, err)
		return
	}
	status := http.StatusOK
	text, ok := clientsetup.Redirect(protocol, "https://"+s.config.API.Hostname+"/autodiscover/autodiscover.xml")
	if !ok {
		status = http.StatusBadRequest
	}
	s.writeSetup(w, status, "application/json; charset=utf-8", text, nil)
}

// profilePath is where Apple's profiles are. Whoever knows an address may fetch
// its profile: it says no more than the DNS does.
const profilePath = "/setup/mail.mobileconfig"

// profile serves the profile of an address, signed where there is a certificate
// that others trust.
func (s *Server) profile(w http.ResponseWriter, r *http.Request) {
	settings, address, err := s.setupFor(r.Context(), r.URL.Query().Get("address"))
	if err != nil {
		s.refuseSetup(w, err)
		return
	}
	text, err := settings.Profile(address)
	if err == nil {
		text = s.signed(text)
		w.Header().Set("Content-Disposition", `attachment; filename="mail.mobileconfig"`)
	}
	s.writeSetup(w, http.StatusOK, "application/x-apple-aspen-config", text, err)
}

// signed returns the profile as CMS. Without a certificate that others trust,
// or with a key of an unusual kind, it stays as it is: it can be installed all
// the same, as one that is not verified.
func (s *Server) signed(profile []byte) []byte {
	if s.config.Certificate == nil {
		return profile
	}
	c := s.config.Certificate()
	if c == nil || selfSigned(c) {
		return profile
	}
	signed, err := clientsetup.Sign(profile, c, time.Now())
	if err != nil {
		s.log.Warn("a profile was not signed", slog.Any("error", err))
		return profile
	}
	return signed
}

func selfSigned(c *tls.Certificate) bool {
	return c.Leaf == nil || string(c.Leaf.RawIssuer) == string(c.Leaf.RawSubject)
}
