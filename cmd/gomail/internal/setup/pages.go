package setup

import (
	"embed"
	"html/template"
	"io"
)

//go:embed pages
var pageFiles embed.FS

// Pages are the wizard's: they need no script.
type Pages map[string]*template.Template

// LoadPages reads the templates.
func LoadPages() Pages {
	from1 := template.FuncMap{"inc": func(n int) int { return n + 1 }}
	layout := template.Must(template.New("").Funcs(from1).ParseFS(pageFiles, "pages/layout.html"))
	all := Pages{}
	for _, name := range []string{"answers.html", "check.html", "done.html", "end.html"} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+name))
	}
	return all
}

// Write writes a page with what it shows.
func (p Pages) Write(w io.Writer, name string, content any) error {
	return p[name].ExecuteTemplate(w, "layout.html", content)
}
