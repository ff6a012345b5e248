package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gomail"
	"gomail/internal/disk"
)

// ManifestFile is the name of a backup's manifest in its directory. It is
// written last: without it there is no backup.
const ManifestFile = "manifest.json"

// manifestFormat is the form of manifest that this version writes, and the
// highest that it reads.
const manifestFormat = 1

// Manifest says what a backup is.
type Manifest struct {
	Format   int         `json:"format"`
	Version  string      `json:"version"`  // of the GoMail that wrote it
	Schema   int64       `json:"schema"`   // of the database
	Instant  time.Time   `json:"instant"`  // everything acknowledged before is in it
	Epoch    int64       `json:"epoch"`    // how often the store was restored before
	Accounts int64       `json:"accounts"` // how many there are
	Messages int64       `json:"messages"`
	Queued   int64       `json:"queued"`
	Secrets  bool        `json:"secrets"` // the secret key is in it
	Files    []SavedFile `json:"files"`
}

// SavedFile is one file of a backup.
type SavedFile struct {
	Name   string `json:"name"`   // where it belongs: below the data directory, or "config/…" for what lies elsewhere
	Stored string `json:"stored"` // where it is, below the backup's directory
	Size   int64  `json:"size"`   // octets that count; the file may be longer when a later backup was interrupted
	SHA256 string `json:"sha256"` // of these octets
}

// sealedManifest is a manifest with its checksum, as it stands in the file.
type sealedManifest struct {
	SHA256 string          `json:"sha256"`
	Backup json.RawMessage `json:"backup"`
}

// encode returns the file's content.
func (m Manifest) encode() ([]byte, error) {
	inner, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(inner)
	outer, err := json.Marshal(sealedManifest{hex.EncodeToString(sum[:]), inner})
	return append(outer, '\n'), err
}

// ReadManifest reads the manifest of the backup in a directory. NotFound when
// there is none, Corrupt when it is damaged, Invalid when a newer GoMail wrote
// it.
func ReadManifest(dir string) (m Manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, noBackup(dir)
	}
	if err != nil {
		return m, fmt.Errorf("read the backup's manifest: %w", err)
	}
	damaged := gomail.Errorf(gomail.Corrupt, "%s is damaged: this backup cannot be trusted; use another one", filepath.Join(dir, ManifestFile))
	var outer sealedManifest
	if json.Unmarshal(text, &outer) != nil {
		return m, damaged
	}
	if sum := sha256.Sum256(outer.Backup); hex.EncodeToString(sum[:]) != outer.SHA256 || json.Unmarshal(outer.Backup, &m) != nil {
		return m, damaged
	}
	if m.Format > manifestFormat {
		return m, gomail.Errorf(gomail.Invalid, "the backup in %s was written by a newer GoMail (%s): restore it with that version", dir, m.Version)
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, text) {
		return m, damaged
	}
	return m, nil
}

// noBackup says why a directory holds no backup.
func noBackup(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, progressFile)); err == nil {
		return gomail.Errorf(gomail.NotFound, "the backup in %s was interrupted before it was whole: make it again, or use another one", dir)
	}
	return gomail.Errorf(gomail.NotFound, "there is no backup in %s: name the directory that was given to gomail backup", dir)
}

// writeManifest puts a manifest in place of the one before, all or nothing.
func writeManifest(dir string, m Manifest) error {
	text, err := m.encode()
	if err != nil {
		return err
	}
	return disk.WriteFile(disk.BackupData, disk.BackupName, filepath.Join(dir, ManifestFile), text)
}
