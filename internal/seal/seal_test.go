package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gomail"
)

func TestOpensOnlyWhereItWasSealed(t *testing.T) {
	s, err := New(bytes.Repeat([]byte{7}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Seal([]byte("the secret"), "dkim_key/1/mail/priv")
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the sealed form shows the secret")
	}
	if got, err := s.Open(sealed, "dkim_key/1/mail/priv"); err != nil || string(got) != "the secret" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.Open(sealed, "dkim_key/2/mail/priv"); gomail.KindOf(err) != gomail.Corrupt {
		t.Errorf("in another row: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.Open(bad, "dkim_key/1/mail/priv"); err == nil {
			t.Errorf("octet %d changed, and it opened", i)
		}
	}
	other, _ := New(bytes.Repeat([]byte{8}, keySize))
	if _, err := other.Open(sealed, "dkim_key/1/mail/priv"); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("with another key: %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	if _, err := Load(path, false); err == nil {
		t.Error("a missing key was loaded")
	}
	first, err := Load(path, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(path, true)
	if err != nil || again.id != first.id {
		t.Errorf("the second start has another key: %v", err)
	}
	os.Chmod(path, 0o644)
	if _, err := Load(path, true); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("a key that others can read: %v", err)
	}
	os.Chmod(path, 0o600)
	os.WriteFile(path, []byte("short\n"), 0o600)
	if _, err := Load(path, true); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("a damaged key: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	s, _ := New(bytes.Repeat([]byte{7}, keySize))
	f.Add(s.Seal([]byte("x"), "place"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := s.Open(b, "elsewhere"); err == nil {
			t.Errorf("opened as %q", got)
		}
	})
}
