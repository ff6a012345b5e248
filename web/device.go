package web

import (
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"

	qr "github.com/piglig/go-qr"

	"gomail/clientsetup"
)

// devicePage is what the page for setting a device up shows.
type devicePage struct {
	Address  string
	Settings clientsetup.Settings
	Link     string       // of the profile
	Code     template.URL // of the link, as a picture; empty: there is no profile
	Error    string       // a sentence; empty: none
}

// showDevice shows how to set a phone or a mail program up: for who is signed
// in, or for another address of the server.
func (s *Server) showDevice(w http.ResponseWriter, r *http.Request) {
	account, err := s.signedIn(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := devicePage{Address: account.Address.String()}
	if other := r.URL.Query().Get("address"); other != "" {
		page.Address = other
	}
	settings, address, err := s.setupFor(r.Context(), page.Address)
	if err != nil {
		page.Error = sentence(err.Error())
		s.render(w, r, http.StatusNotFound, "device.html", "Set up a device", page)
		return
	}
	page.Settings, page.Address = settings, address.String()
	if len(settings.Incoming) > 0 && len(settings.Outgoing) > 0 {
		page.Link = s.publicURL(r) + profilePath + "?" + url.Values{"address": {page.Address}}.Encode()
		page.Code = picture(page.Link)
	}
	s.render(w, r, http.StatusOK, "device.html", "Set up a device", page)
}

// publicURL is where a phone reaches this site: what the configuration says,
// or else the hostname, with the port by which the request came.
func (s *Server) publicURL(r *http.Request) string {
	switch {
	case s.config.PublicURL != "":
		return s.config.PublicURL
	case hostOf(r) == s.config.API.Hostname:
		return "https://" + r.Host
	}
	return "https://" + s.config.API.Hostname
}

// picture returns a QR code as a data URL. A link that is too long for one has
// none: it stands beside it in words.
func picture(link string) template.URL {
	code, err := qr.EncodeText(link, qr.Medium)
	if err != nil {
		return ""
	}
	png, err := code.ToPNGBytes(qr.NewQrCodeImgConfig(6, 4))
	if err != nil {
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}
