package disk

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMkdirAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := MkdirAll(DataName, path); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	file := filepath.Join(path, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(DataName, filepath.Join(file, "below")); err == nil {
		t.Error("a directory below a file was made")
	}
}

// A normal build leaves nothing out, whatever the environment says.
func TestNothingIsLeftOut(t *testing.T) {
	for _, p := range Points() {
		t.Setenv("MUTANT_WITHOUT_SYNC", string(p))
		if skipped(p) != mutantBuild {
			t.Errorf("%s: skipped is %v", p, skipped(p))
		}
	}
}
