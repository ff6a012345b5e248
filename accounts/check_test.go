package accounts_test

import (
	"strings"
	"testing"

	"gomail"
	"gomail/accounts"
	"gomail/internal/seal"
)

// Secrets that were sealed with another key are found, each by its name.
func TestCheckSecrets(t *testing.T) {
	f, st := newSealedFixture(t)
	anna := f.add("anna", "a good password", gomail.RoleUser)
	if _, _, err := f.AddAppPassword(t.Context(), anna.ID, accounts.NewAppPassword{Name: "telephone"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.BeginTOTP(t.Context(), anna); err != nil {
		t.Fatal(err)
	}
	check := func(s *accounts.Service) string {
		var all []string
		if err := s.CheckSecrets(t.Context(), func(problem string) { all = append(all, problem) }); err != nil {
			t.Fatal(err)
		}
		return strings.Join(all, "\n")
	}
	if found := check(f.Service); found != "" {
		t.Errorf("found in what is right:\n%s", found)
	}
	other, err := seal.New([]byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	found := check(accounts.New(accounts.Config{Store: st, Cost: cheap, Sealer: other}))
	for _, want := range []string{"the SCRAM keys of the password of anna@example.com", "authenticator app of anna@", "the app password telephone of anna@"} {
		if !strings.Contains(found, want) {
			t.Errorf("%s is not found in\n%s", want, found)
		}
	}
}
