package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/certs"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/cmd/gomail/internal/setup"
	"gomail/web"
)

// wizard asks in the browser what ask asks in the terminal. Its address holds
// a secret that only whoever started it has seen; it serves until the set-up
// was ended there, or its command is interrupted.
type wizard struct {
	pages setup.Pages
	base  string // "/0123.../"
	ended chan struct{}
	end   func()

	mu           sync.Mutex // one request at a time
	installation *installation
	done         *installed
}

// wizardPage is what the pages show.
type wizardPage struct {
	Title, Base, Problem string
	Step                 int
	Answers              setup.Answers
	Addresses            string
	Existing             bool
	Conditions           []shownCondition // that are not right
	Right                []doctor.Condition
	Problems             bool
	Done                 *installed
}

type shownCondition struct {
	doctor.Condition
	Word string
}

// inBrowser serves the wizard.
func (i *installation) inBrowser(address string) error {
	certificate, err := passingCertificate(i.answers.Hostname)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the wizard cannot be served at %s: %w; name an address of this machine and a free port", address, err)
	}
	w := &wizard{installation: i, pages: setup.LoadPages(), base: "/" + rand.Text() + "/", ended: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.ended) })
	h := &http.Server{Handler: w.handler(), ReadHeaderTimeout: 10 * time.Second, TLSConfig: certificate}
	fmt.Fprintf(i.app.stdout, "Open https://%s%s\nThe browser will warn, for the certificate is made for this set-up alone. Its SHA-256 fingerprint is\n%s\nCtrl-C stops.\n",
		listener.Addr(), w.base, fingerprint(certificate))
	failed := make(chan error, 1)
	go func() { failed <- h.ServeTLS(listener, "", "") }()
	select {
	case err = <-failed:
	case <-i.app.ctx.Done():
		err = i.app.ctx.Err()
	case <-w.ended:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.app.ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, h.Shutdown(ctx))
}

// passingCertificate makes a certificate that goes with the wizard.
func passingCertificate(hostname string) (*tls.Config, error) {
	dir, err := os.MkdirTemp("", "gomail-setup-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if hostname == "" {
		hostname = "localhost"
	}
	m, err := certs.New(certs.Config{Hostname: hostname, Dir: dir})
	if err != nil {
		return nil, err
	}
	return m.TLS(), nil
}

func fingerprint(c *tls.Config) string {
	leaf, err := c.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		return "unknown"
	}
	return strings.ToUpper(strings.ReplaceAll(fmt.Sprintf("% x", sha256.Sum256(leaf.Certificate[0])), " ", ":"))
}

func (w *wizard) handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /{secret}/{$}", w.step(w.showAnswers))
	m.HandleFunc("GET /{secret}/style.css", w.style)
	m.HandleFunc("POST /{secret}/answers", w.step(w.showAnswers))
	m.HandleFunc("POST /{secret}/check", w.step(w.check))
	m.HandleFunc("POST /{secret}/install", w.step(w.install))
	m.HandleFunc("POST /{secret}/end", w.step(w.finish))
	return http.NewCrossOriginProtection().Handler(m)
}

// knows reports whether a request has the secret.
func (w *wizard) knows(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte("/"+r.PathValue("secret")+"/"), []byte(w.base)) == 1
}

func (w *wizard) style(out http.ResponseWriter, r *http.Request) {
	if !w.knows(r) {
		http.NotFound(out, r)
		return
	}
	out.Header().Set("Content-Type", "text/css; charset=utf-8")
	out.Header().Set("Cache-Control", "private, max-age=3600, immutable") // the last page comes when the server has ended
	_, _ = out.Write(web.StyleSheet())                                    // the browser is gone: nobody sees it
}

// step answers one request at a time with a page.
func (w *wizard) step(do func(r *http.Request, p *wizardPage) (page string)) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		if !w.knows(r) {
			http.NotFound(out, r)
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		r.Body = http.MaxBytesReader(out, r.Body, 1<<16)
		p := &wizardPage{Base: w.base, Existing: w.installation.existing}
		name := do(r, p)
		p.Answers, p.Addresses = w.installation.answers, setup.JoinAddresses(w.installation.answers.Addresses)
		h := out.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/html; charset=utf-8")
		var b bytes.Buffer
		if err := w.pages.Write(&b, name, p); err != nil {
			http.Error(out, "The page could not be made: "+err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = out.Write(b.Bytes()) // as above
	}
}

func (w *wizard) showAnswers(_ *http.Request, p *wizardPage) string {
	if w.done != nil {
		return w.showDone(p)
	}
	p.Title, p.Step = "What this server is", 1
	return "answers.html"
}

// take reads the answers from the form.
func (w *wizard) take(r *http.Request) error {
	i := w.installation
	a := i.answers
	a.Hostname, a.Domain, a.Admin = r.FormValue("hostname"), r.FormValue("domain"), r.FormValue("admin")
	if i.existing {
		a.Hostname = i.answers.Hostname
	} else {
		addresses, err := setup.ParseAddresses(r.FormValue("addresses"))
		if err != nil {
			return err
		}
		a.Addresses, a.ACMEEmail = addresses, r.FormValue("acme")
	}
	a.FromHostname()
	err := a.Check()
	i.answers = a // also what is wrong: it is shown again, to be mended
	return err
}

// check takes the answers and examines the machine.
func (w *wizard) check(r *http.Request, p *wizardPage) string {
	err := w.take(r)
	var found []doctor.Condition
	if err == nil {
		found, err = w.installation.examine()
	}
	if err != nil {
		p.Problem = capital(err.Error()) + "."
		return w.showAnswers(r, p)
	}
	p.Title, p.Step = "What this machine is like", 2
	for _, c := range found {
		if c.State == doctor.OK {
			p.Right = append(p.Right, c)
			continue
		}
		p.Conditions = append(p.Conditions, shownCondition{c, capital(strings.ToLower(words[c.State]))})
		p.Problems = p.Problems || c.State == doctor.Problem
	}
	return "check.html"
}

// install carries it out. Sent twice, it shows what came of it.
func (w *wizard) install(r *http.Request, p *wizardPage) string {
	if w.done != nil {
		return w.showDone(p)
	}
	err := w.take(r)
	var found []doctor.Condition
	if err == nil {
		found, err = w.installation.examine()
	}
	if err == nil {
		w.installation.password = r.FormValue("password")
		var done installed
		if done, err = w.installation.install(found); err == nil {
			w.done = &done
			fmt.Fprintf(w.installation.app.stdout, "Installed: %s. End the set-up in the browser.\n", done.Hostname)
			return w.showDone(p)
		}
	}
	p.Problem = capital(err.Error()) + "."
	return w.showAnswers(r, p)
}

func (w *wizard) showDone(p *wizardPage) string {
	p.Title, p.Step, p.Done = "GoMail is installed", 3, w.done
	return "done.html"
}

// finish ends the wizard once its page has been sent.
func (w *wizard) finish(_ *http.Request, p *wizardPage) string {
	if w.done == nil {
		return w.showAnswers(nil, p)
	}
	p.Title, p.Step = "The set-up has ended", 3
	w.end()
	return "end.html"
}
