package dnswatch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Whoever meets a code of a check finds in the owner's guide what it means, and
// the guide explains none that there is not.
func TestGuideExplainsEveryCode(t *testing.T) {
	raw, err := os.ReadFile("../docs/operate/dns.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, _ := strings.Cut(string(raw), "\n### What each code means\n")
	tables, _, _ = strings.Cut(tables, "\n## ")
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| [a-z_]+ \\| .+ \\|$").FindAllStringSubmatch(tables, -1) {
		explained[row[1]] = true
	}
	given := codes(t, "../dnsplan", ".")
	for code, where := range given {
		if !explained[code] {
			t.Errorf("%s gives the code %q, which docs/operate/dns.md does not explain", where, code)
		}
	}
	for code := range explained {
		if given[code] == "" {
			t.Errorf("docs/operate/dns.md explains the code %q, which no check gives", code)
		}
	}
}

// codes returns the codes of findings and probes that packages give, and where.
func codes(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	found, files := map[string]string{}, token.NewFileSet()
	constants := map[string]string{}
	var sources []*ast.File
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, source)
			readConstants(source, constants)
		}
	}
	for _, source := range sources {
		ast.Inspect(source, func(n ast.Node) bool {
			for _, e := range codesIn(n) {
				if code := text(e, constants); code != "" {
					found[code] = files.Position(e.Pos()).String()
				}
			}
			return true
		})
	}
	return found
}

// codesIn returns the expressions of codes in a node: wrong("code", …),
// verdict{State, "code", …}, Code: "code", and p.State, p.Code = State, "code".
func codesIn(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		at, known := map[string]int{"wrong": 0, "differs": 0, "wrongName": 1}[name(n.Fun)]
		if known && at < len(n.Args) {
			return n.Args[at : at+1]
		}
	case *ast.CompositeLit:
		if name(n.Type) == "verdict" && len(n.Elts) == 3 {
			return n.Elts[1:2]
		}
	case *ast.KeyValueExpr:
		if strings.EqualFold(name(n.Key), "code") {
			return []ast.Expr{n.Value}
		}
	case *ast.AssignStmt:
		var all []ast.Expr
		for i, to := range n.Lhs {
			if s, ok := to.(*ast.SelectorExpr); ok && s.Sel.Name == "Code" && len(n.Rhs) == len(n.Lhs) {
				all = append(all, n.Rhs[i])
			}
		}
		return all
	}
	return nil
}

// readConstants notes the constants of a file that are texts.
func readConstants(source *ast.File, into map[string]string) {
	for _, d := range source.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ValueSpec)
			for i, value := range spec.Values {
				into[spec.Names[i].Name] = text(value, nil)
			}
		}
	}
}

// name is the last part of an identifier.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// text is what a literal or a constant says; empty: it is neither.
func text(e ast.Expr, constants map[string]string) string {
	if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		said, _ := strconv.Unquote(literal.Value) // the parser has read it
		return said
	}
	return constants[name(e)]
}
