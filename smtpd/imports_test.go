package smtpd

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoTextproto keeps net/textproto away from mail: its DotReader ends a
// message at LF.LF too, which is how messages are smuggled.
func TestNoTextproto(t *testing.T) {
	for _, dir := range []string{"smtpd", "mxsend", "inbound", "outbound"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				if i.Path.Value == `"net/textproto"` {
					t.Errorf("%s imports net/textproto", file)
				}
			}
		}
	}
}
