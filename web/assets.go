package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The apps as npm built them from web/admin: committed, so that GoMail is
// built by Go alone.
//
//go:embed dist
var distFiles embed.FS

// assets are the scripts, the style sheet and the icon. Their path holds a
// hash of them all, so that a browser may keep them for ever and still has
// the right ones after an update.
type assets struct {
	prefix string // "/_/0a1b2c3d/"
	files  map[string]asset
}

// asset is a file ready to be sent.
type asset struct {
	kind   string
	plain  []byte
	zipped []byte // nil: compressing it saves nothing
}

// kinds are the media types of the files that are served; no others are.
var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

func loadAssets() assets {
	root, err := fs.Sub(distFiles, "dist")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	a := assets{files: map[string]asset{}}
	h := sha256.New()
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		kind := kinds[path.Ext(name)]
		if err != nil || entry.IsDir() || kind == "" {
			return err
		}
		content, err := fs.ReadFile(root, name)
		h.Write([]byte(name + "\x00"))
		h.Write(content)
		a.files[name] = asset{kind, content, zip(content)}
		return err
	})
	if err != nil {
		panic(err) // the files are compiled in
	}
	a.prefix = "/_/" + hex.EncodeToString(h.Sum(nil)[:6]) + "/"
	return a
}

// zip compresses a file once, for every time that it is sent.
func zip(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	// Writing to memory cannot fail.
	_, _ = w.Write(content)
	_ = w.Close()
	if b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

// ServeHTTP serves one file, and no list of them.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[strings.TrimPrefix(r.URL.Path, a.prefix)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h, body := w.Header(), f.plain
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if f.zipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write(body)
}

// acceptsGzip reports whether the client reads gzip; "gzip;q=0" says that it
// does not.
func acceptsGzip(r *http.Request) bool {
	offers := strings.Split(strings.ReplaceAll(strings.Join(r.Header.Values("Accept-Encoding"), ","), " ", ""), ",")
	return slices.ContainsFunc(offers, func(offer string) bool {
		name, weight, weighted := strings.Cut(offer, ";q=")
		return strings.EqualFold(name, "gzip") && !(weighted && strings.Trim(weight, "0.") == "")
	})
}

// StyleSheet returns the style of the pages, for those that are served before
// there is a server: set-up's.
func StyleSheet() []byte {
	text, err := distFiles.ReadFile("dist/admin/style.css")
	if err != nil {
		panic(err) // it is compiled in
	}
	return text
}
