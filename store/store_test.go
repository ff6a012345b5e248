package store_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"gomail"
	"gomail/inbound"
	"gomail/store"
	"gomail/store/storetest"
)

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSQLiteConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, t.TempDir()) })
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := store.Open(t.Context(), store.Options{Dir: dir})
	if gomail.KindOf(err) != gomail.Exists || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("the second open: %v", err)
	}
	first.Close()
	open(t, dir)
}

// A large message whose rows are refused leaves no file behind.
func TestRefusedObjectLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	body := s.Stage()
	defer body.Close()
	if _, err := body.Write(make([]byte, 2<<20)); err != nil {
		t.Fatal(err)
	}
	err := s.Deliver(t.Context(), inbound.Delivery{Body: body, Messages: []inbound.Incoming{{Account: 12345, Role: gomail.RoleInbox}}})
	if gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("delivery to nobody: %v", err)
	}
	filepath.WalkDir(filepath.Join(dir, "objects"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is still there", path)
		}
		return err
	})
}

func TestEnginesThatAreNotBuiltAreRefused(t *testing.T) {
	for _, o := range []store.Options{{URL: "postgres://db/gomail"}, {Blobs: "s3://bucket"}} {
		o.Dir = t.TempDir()
		if _, err := store.Open(t.Context(), o); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
