package gomail_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors is the house: who stands where. ARCHITECTURE.md shows it.
var floors = map[string]int{
	"": 0,

	"message": 1, "mailauth": 1, "mailauth/spf": 1, "mailauth/dkim": 1, "mailauth/dmarc": 1, "mailauth/arc": 1, "mailauth/srs": 1, "tlspolicy": 1, "dnsplan": 1, "clientsetup": 1, "reports/aggregate": 1, "ladder": 1, "internal/seal": 1, "internal/netaddr": 1, "internal/disk": 1, "internal/spool": 1, "internal/trail": 1, "explain": 1, "textindex": 1,

	"accounts": 2, "domains": 2, "mailbox": 2, "inbound": 2, "outbound": 2, "queue": 2, "reports": 2, "reports/tlsrpt": 2, "filter": 2, "bounces": 2, "lists": 2,

	"smtpd": 3, "imapd": 3, "imapd/imapwire": 3, "pop3d": 3, "web": 3, "web/api": 3, "mxsend": 3, "mxsend/sts": 3, "milter": 3, "certs": 3, "accounts/tokens": 3, "dnswatch": 3, "dnspub": 3,
	"store": 3, "store/blob": 3, "store/storetest": 3, "internal/resolver": 3, "internal/webclient": 3, "internal/serve": 3,

	"cmd/gomail": 4, "cmd/gomail/internal/sandbox": 4, "cmd/gomail/internal/doctor": 4, "cmd/gomail/internal/setup": 4, "cmd/gomail/internal/manual": 4, "internal/config": 4, "bench": 4, "torture": 4, "torture/powercut": 4, "e2e": 4,
}

// sideways lists the imports that are allowed within a floor.
var sideways = map[string][]string{
	// Formats: message ← mailauth ← dnsplan.
	"mailauth": {"message", "mailauth/spf", "mailauth/dkim", "mailauth/dmarc", "mailauth/arc"}, "mailauth/arc": {"message", "mailauth/dkim"}, "mailauth/dkim": {"message"}, "mailauth/dmarc": {"message"}, "mailauth/spf": {"message"},
	"dnsplan": {"message", "tlspolicy", "mailauth", "mailauth/spf", "mailauth/dkim", "mailauth/dmarc", "mailauth/arc"}, "ladder": {"dnsplan"}, "internal/seal": {"internal/disk"},
	// Services import each other along the message's path only.
	"inbound":        {"accounts", "domains", "filter", "lists", "mailbox", "queue"},
	"outbound":       {"accounts", "domains", "queue"},
	"reports/tlsrpt": {"reports"},
	// Edges never import each other; these are rooms of one edge.
	"smtpd": {"internal/serve"}, "imapd": {"imapd/imapwire", "internal/serve"}, "pop3d": {"internal/serve"}, "web": {"web/api"}, "store": {"store/blob"},
	// Plumbing that any edge may use, and the command's own rooms.
	"mxsend": {"internal/resolver"}, "certs": {"internal/resolver"},
	"torture":    {"torture/powercut"},
	"cmd/gomail": {"cmd/gomail/internal/sandbox", "cmd/gomail/internal/doctor", "cmd/gomail/internal/setup", "cmd/gomail/internal/manual", "internal/config"}, "cmd/gomail/internal/doctor": {"internal/config"}, "cmd/gomail/internal/setup": {"internal/config"}, "cmd/gomail/internal/manual": {"internal/config"},
}

// forbidden are imports that would break a rule of their own: formats do no
// I/O, and the standard library's dot reader accepts what smugglers send.
var forbidden = map[int][]string{
	0: {"net/http", "database/sql", "os"},
	1: {"net/http", "database/sql"},
}

func TestImportsPointDownward(t *testing.T) {
	for dir, imports := range packages(t) {
		floor, known := floors[dir]
		if !known {
			t.Errorf("the package %s has no floor: give it one in layers_test.go and ARCHITECTURE.md", dir)
			continue
		}
		for _, path := range imports {
			if path == "net/textproto" && !strings.HasPrefix(dir, "bench") {
				t.Errorf("%s imports net/textproto: its dot reader ends a message where SMTP does not", dir)
			}
			if slices.Contains(forbidden[floor], path) {
				t.Errorf("%s imports %s: packages on floor %d do no such I/O", dir, path, floor)
			}
			other, ours := strings.CutPrefix(path+"/", "gomail/")
			if !ours {
				continue
			}
			other = strings.TrimSuffix(other, "/")
			if at, ok := floors[other]; !ok || at > floor || at == floor && !slices.Contains(sideways[dir], other) {
				t.Errorf("%s (floor %d) imports %s (floor %d)", dir, floor, other, at)
			}
		}
	}
}

// Every package says in one place what it is.
func TestEveryPackageHasOneDoc(t *testing.T) {
	docs := map[string]int{}
	eachFile(t, func(dir string, f *ast.File) {
		docs[dir] += 0
		if f.Doc != nil {
			docs[dir]++
		}
	})
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("the package %q has %d package comments, want one", dir, n)
		}
	}
}

// A file is split before it becomes a house of its own.
func TestFilesAreRooms(t *testing.T) {
	const most = 600
	for _, path := range goFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > most {
			t.Errorf("%s has %d lines: split it before it reaches %d", path, n, most)
		}
	}
	root, err := filepath.Glob("*.go")
	if err != nil || len(root) > 12 {
		t.Errorf("the root holds %d Go files: it is for nouns only (%v)", len(root), err)
	}
}

func packages(t *testing.T) map[string][]string {
	all := map[string][]string{}
	eachFile(t, func(dir string, f *ast.File) {
		for _, i := range f.Imports {
			all[dir] = append(all[dir], strings.Trim(i.Path.Value, `"`))
		}
	})
	return all
}

// eachFile parses every Go file that is no test.
func eachFile(t *testing.T, visit func(dir string, f *ast.File)) {
	t.Helper()
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		visit(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "."), f)
	}
}

func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
