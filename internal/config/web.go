package config

import (
	"net/url"

	"gomail"
)

// check refuses a public URL to which no path can be added. Links go over
// HTTPS only: they carry what only their reader may know.
func (w Web) check() error {
	if w.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(w.PublicURL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || w.PublicURL != "https://"+u.Host {
		return gomail.Errorf(gomail.Invalid, "web.public_url is %q: write https://, a host and nothing behind it, such as https://mail.example.com", w.PublicURL)
	}
	return nil
}
