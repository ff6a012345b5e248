package web

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"gomail"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates by the name of their file, each with the layout.
type pages map[string]*template.Template

func loadPages() pages {
	layout := template.Must(template.ParseFS(pageFiles, "pages/layout.html"))
	all := pages{}
	for _, name := range []string{"signin.html", "second.html", "app.html", "error.html", "device.html", "unsubscribe.html"} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, path.Join("pages", name)))
	}
	return all
}

// page is what the layout needs around a page's own content.
type page struct {
	Title    string
	Assets   string
	Hostname string
	Content  any
}

// render answers with a page. It is made whole before the first octet is
// sent, so that a fault in it becomes an error and not half a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name, title string, content any) {
	p := page{Title: title, Assets: s.assets.prefix, Hostname: s.config.API.Hostname, Content: content}
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout.html", p); err != nil {
		s.log.Error("a page could not be made", slog.String("page", name), slog.Any("error", err))
		writeText(w, http.StatusInternalServerError, "The page could not be made. The server's log says why.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write(b.Bytes())
}

// errorPage is what the error page shows.
type errorPage struct {
	Heading  string
	Sentence string
}

// showError answers with a page that says what is wrong.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, status int, why string) {
	s.render(w, r, status, "error.html", http.StatusText(status), errorPage{http.StatusText(status), sentence(why)})
}

// statuses maps kinds of error to HTTP; every other kind is a fault of ours.
var statuses = map[gomail.Kind]int{
	gomail.Invalid:     http.StatusNotFound, // only names in paths can be invalid here
	gomail.NotFound:    http.StatusNotFound,
	gomail.Unavailable: http.StatusServiceUnavailable,
	gomail.Closed:      http.StatusServiceUnavailable,
}

// fail answers with an error. What is ours alone goes to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if status, ok := statuses[gomail.KindOf(err)]; ok {
		s.showError(w, r, status, err.Error())
		return
	}
	s.log.Error("a page could not be made", slog.String("path", r.URL.Path), slog.Any("error", err))
	s.showError(w, r, http.StatusInternalServerError, "the server met a fault of its own, and its log says which")
}

// sentence makes a sentence of an error's text, which begins in lower case
// and has no full stop.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
