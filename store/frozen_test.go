package store_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gomail"
	"gomail/store"
)

// Stores of every release, as it wrote them, are kept in testdata/stores: each
// has to be brought up to date with all of its mail. A release adds its own:
// go test ./store -run TestFreeze -freeze 0.1.0
var freeze = flag.String("freeze", "", "write testdata/stores/NAME.tar.gz")

const frozenStores = "testdata/stores"

// TestFreeze writes a store, and what is in it, to a file.
func TestFreeze(t *testing.T) {
	if *freeze == "" {
		t.Skip("-freeze names no release")
	}
	dir := t.TempDir()
	s := open(t, dir)
	p := newPeople(t, s, 4)
	fillForMigration(t, p)
	clean(t, s)
	want := digests(t, s, p.accounts[:3])
	s.Close()
	text, err := json.Marshal(want)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "expected.json"), text, 0o600)
	}
	if err == nil {
		err = os.MkdirAll(frozenStores, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	pack(t, dir, filepath.Join(frozenStores, *freeze+".tar.gz"))
}

// Every frozen store is brought up to date with all of its mail, is kept as it
// was beside that, and what is kept is a whole store of its version.
func TestFrozenStores(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(frozenStores, "*.tar.gz"))
	if err != nil || len(files) == 0 {
		t.Fatal("no frozen stores", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tar.gz"), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, file, dir)
			schema := schemaOf(t, dir)
			s := open(t, dir)
			clean(t, s)
			expected(t, s, dir)
			s.Close()
			if newest := schemaOf(t, dir); newest == schema {
				return // of this very version
			}
			kept := filepath.Join(dir, store.BeforeUpgrade)
			if got := schemaOf(t, kept); got != schema {
				t.Errorf("schema %d is kept, and it was %d", got, schema)
			}
			// What was kept goes the same way again, and neither touches the other.
			again := open(t, kept)
			clean(t, again)
			expected(t, again, dir)
			appendMessage(t, again, accountsOf(t, again)[0], inboxOf(t, again), []byte("later"))
			again.Close()
			s = open(t, dir)
			clean(t, s)
			expected(t, s, dir)
		})
	}
}

// An upgrade that is cut short and begun again leaves what was kept before it.
func TestUpgradeCutShort(t *testing.T) {
	dir := t.TempDir()
	unpack(t, firstFrozen(t), dir)
	schema := schemaOf(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, store.BeforeUpgrade+".new", "packs"), 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
	// As if it had stopped after one of several migrations.
	alter(t, filepath.Join(dir, "gomail.db"), "DELETE FROM goose_db_version WHERE version_id = (SELECT MAX(version_id) FROM goose_db_version)")
	if _, err := store.Open(context.Background(), store.Options{Dir: dir}); err == nil {
		t.Error("a migration that was there already was made again without an error")
	}
	if got := schemaOf(t, filepath.Join(dir, store.BeforeUpgrade)); got != schema {
		t.Errorf("what is kept has the schema %d, and it was %d", got, schema)
	}
	if _, err := os.Stat(filepath.Join(dir, store.BeforeUpgrade+".new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what was begun is still there:", err)
	}
}

// A store that cannot be kept is not upgraded.
func TestNoUpgradeWithoutCopy(t *testing.T) {
	dir := t.TempDir()
	unpack(t, firstFrozen(t), dir)
	schema := schemaOf(t, dir)
	// A path of the greatest length there is: what is kept has a longer one.
	const longest = 4095
	deep := filepath.Join(dir, "objects")
	for len(deep) < longest-len(store.BeforeUpgrade) {
		deep = filepath.Join(deep, strings.Repeat("d", min(200, longest-len(deep)-1)))
	}
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(context.Background(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("it was upgraded: %v", err)
	}
	if got := schemaOf(t, dir); got != schema {
		t.Errorf("the schema is %d now, and was %d", got, schema)
	}
}

func firstFrozen(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(frozenStores, "*.tar.gz"))
	if err != nil || len(files) == 0 {
		t.Fatal("no frozen stores", err)
	}
	return files[0]
}

func schemaOf(t *testing.T, dir string) int64 {
	t.Helper()
	return number(t, filepath.Join(dir, "gomail.db"), "SELECT MAX(version_id) FROM goose_db_version WHERE is_applied = 1")
}

// expected holds a store against what it was frozen with.
func expected(t *testing.T, s *store.Store, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	want := map[string]string{}
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil || len(want) < 50 {
		t.Fatal(len(want), err)
	}
	got := digests(t, s, accountsOf(t, s))
	for key, digest := range want {
		if got[key] != digest {
			t.Errorf("%s is not what it was", key)
		}
	}
}

// digests are of all that is kept: the mail of accounts, and the queue's.
func digests(t *testing.T, s *store.Store, accounts []gomail.AccountID) map[string]string {
	t.Helper()
	all := map[string]string{}
	for prefix, contents := range map[string]map[string][]byte{"": contents(t, s, accounts), "queue ": queuedContents(t, s)} {
		for key, b := range contents {
			sum := sha256.Sum256(b)
			all[prefix+key] = hex.EncodeToString(sum[:])
		}
	}
	return all
}

func accountsOf(t *testing.T, s *store.Store) (ids []gomail.AccountID) {
	t.Helper()
	list, err := s.Accounts(t.Context())
	if err != nil || len(list) == 0 {
		t.Fatal(len(list), err)
	}
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	return ids
}

func inboxOf(t *testing.T, s *store.Store) gomail.MailboxID {
	t.Helper()
	boxes, err := s.Mailboxes(t.Context(), accountsOf(t, s)[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		if b.Role == gomail.RoleInbox {
			return b.ID
		}
	}
	t.Fatal("no INBOX")
	return 0
}

// pack writes a directory's files to an archive.
func pack(t *testing.T, dir, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	err = w.AddFS(os.DirFS(dir))
	if err = errors.Join(err, w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatal(h, err)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
