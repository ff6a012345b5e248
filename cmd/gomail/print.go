package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// printing is how a command that shows data shows it.
type printing struct {
	JSON bool `help:"Print JSON." name:"json"`
}

// show prints v as JSON, or calls table.
func (p printing) show(a *app, v any, table func(w *tabwriter.Writer)) error {
	if p.JSON {
		return printJSON(a, v)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

func printJSON(a *app, v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// row prints a line of a table.
func row(w *tabwriter.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	fmt.Fprintln(w, strings.Join(texts, "\t"))
}

// amount renders octets for people.
func amount(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// yesNo renders a truth for people.
func yesNo(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
