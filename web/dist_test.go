package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is committed under dist was built from the sources beside it.
func TestAppIsBuiltFromItsSources(t *testing.T) {
	built, err := os.ReadFile("dist/admin/BUILDINFO")
	if err != nil {
		t.Fatal(err)
	}
	if want := "sources " + sourceHash(t) + "\n"; string(built) != want {
		t.Errorf("web/dist/admin was built from other sources than those in web/admin: run `make web` and commit web/dist")
	}
}

// leavesNoTrace matches the sources that nothing is built from.
var leavesNoTrace = regexp.MustCompile(`\.test\.ts$|\.d\.ts$|^src/test/`)

// sourceHash is the hash that web/admin/scripts/sources.js computes.
func sourceHash(t *testing.T) string {
	t.Helper()
	root := os.DirFS("admin")
	files := []string{"package-lock.json", "svelte.config.js", "vite.config.ts"}
	err := fs.WalkDir(root, "src", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !leavesNoTrace.MatchString(path) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var all strings.Builder
	for _, path := range files {
		content, err := fs.ReadFile(root, path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%x %s\n", sha256.Sum256(content), path)
	}
	sum := sha256.Sum256([]byte(all.String()))
	return hex.EncodeToString(sum[:])
}

// The first page needs a script and what it imports at once; more is loaded
// when it is needed. Phones are on slow networks.
func TestTheFirstPageIsSmall(t *testing.T) {
	const most = 50 << 10
	a := loadAssets()
	size, seen := 0, map[string]bool{}
	var load func(name string)
	load = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		f, ok := a.files[name]
		if !ok {
			t.Fatalf("%s is not there", name)
		}
		size += len(f.zipped)
		for _, match := range staticImport.FindAllSubmatch(f.plain, -1) {
			load("admin/" + string(match[1]))
		}
	}
	load("admin/main.js")
	if size > most {
		t.Errorf("the first page needs %d octets of script, compressed; %d are allowed (%v)", size, most, seen)
	}
}

// staticImport matches what a built module imports at once.
var staticImport = regexp.MustCompile(`(?:from|import)\s*["']\./([^"']+)["']`)

// No file of the app is a house of its own.
func TestSourcesAreRooms(t *testing.T) {
	const most = 420
	err := filepath.WalkDir("admin/src", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".d.ts") || strings.HasSuffix(path, ".json") {
			return err
		}
		text, err := os.ReadFile(path)
		if n := strings.Count(string(text), "\n"); n > most {
			t.Errorf("%s has %d lines: split it", path, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
