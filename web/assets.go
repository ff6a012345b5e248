package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
)

//go:embed assets
var assetFiles embed.FS

// assets are the style sheet, the script and the icon. Their path holds a
// hash of them all, so that a browser may keep them for ever and still has
// the right ones after an update.
type assets struct {
	prefix string // "/_/0a1b2c3d/"
	files  http.Handler
}

func loadAssets() assets {
	root, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	prefix := "/_/" + hashOf(root) + "/"
	return assets{prefix, http.StripPrefix(prefix, http.FileServerFS(root))}
}

// hashOf returns a short hash of the names and contents of files.
func hashOf(root fs.FS) string {
	h := sha256.New()
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, path)
		h.Write([]byte(path + "\x00"))
		h.Write(content)
		return err
	})
	if err != nil {
		panic(err) // the files are compiled in
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// ServeHTTP serves one file, and no list of them.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == a.prefix {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	a.files.ServeHTTP(w, r)
}
