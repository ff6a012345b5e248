package dnspub

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"gomail"
)

const pdnsSchema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// pdns starts a real PowerDNS with an empty zone example.com, and returns the
// address of its API.
func pdns(t *testing.T) string {
	t.Helper()
	schema, err := os.ReadFile(pdnsSchema)
	if err != nil {
		t.Fatalf("%v: run internal/packages.sh, which installs what the tests need", err)
	}
	dir, port, web := t.TempDir(), freePort(t), freePort(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, "pdns.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(string(schema))
	if db.Close(); err != nil {
		t.Fatal(err)
	}
	daemon(t, "Done launching threads, ready to distribute questions", "/usr/sbin/pdns_server", "--config-dir="+dir, "--daemon=no", "--guardian=no", "--launch=gsqlite3",
		"--gsqlite3-database="+filepath.Join(dir, "pdns.db"), "--gsqlite3-pragma-synchronous=0", "--local-address=127.0.0.1", "--local-port="+port, "--socket-dir="+dir,
		"--api=yes", "--api-key=pd-secret", "--webserver=yes", "--webserver-address=127.0.0.1", "--webserver-port="+web, "--webserver-allow-from=127.0.0.1",
		"--receiver-threads=1", "--disable-syslog=yes", "--loglevel=5", "--expand-alias=no")
	api := "http://127.0.0.1:" + web
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // its API begins a moment later
		err := pdnsCall(t.Context(), api, http.MethodPost, "/zones", map[string]any{"name": "example.com.", "kind": "Native", "nameservers": []string{"ns1.example.com."}})
		if err == nil {
			return api
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// pdnsCall asks the API without the client under test.
func pdnsCall(ctx context.Context, api, method, path string, v any) error {
	body, _ := json.Marshal(v)
	r, err := http.NewRequestWithContext(ctx, method, api+"/api/v1/servers/localhost"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-API-Key", "pd-secret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		return fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return nil
}

func pdnsClient(t *testing.T, api, secret string) Provider {
	t.Helper()
	p, err := Open("powerdns", map[string]string{"url": api, "api_key": secret}, unhurried())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPowerDNS(t *testing.T) {
	api := pdns(t)
	testProvider(t, pdnsClient(t, api, "pd-secret"), traits{})
	t.Run("Refusals", func(t *testing.T) { pdnsRefusals(t, api) })
	t.Run("Disabled", func(t *testing.T) { pdnsDisabled(t, api) })
}

func pdnsRefusals(t *testing.T, api string) {
	err := pdnsClient(t, api, "wrong").(*client).test(t.Context())
	if gomail.KindOf(err) != gomail.Forbidden {
		t.Errorf("with another key: %v", err)
	}
	p := provided{t, pdnsClient(t, api, "pd-secret"), traits{}}
	_, err = p.SetRecords(t.Context(), "example.com.", append(rrset{key{"ok.example.com", "TXT"}, 60, []string{"x"}}.records("example.com"), rr("bad", "A", "not an address")))
	if gomail.KindOf(err) != gomail.Invalid || !strings.Contains(err.Error(), "not an address") {
		t.Errorf("a record that cannot be: %v", err)
	}
	p.holds("ok", "TXT")
}

// A record that its owner has switched off is not shown, and stays.
func pdnsDisabled(t *testing.T, api string) {
	patch := map[string]any{"rrsets": []powerdnsSet{{Name: "off.example.com.", Type: "TXT", TTL: 60, Change: "REPLACE", Records: []powerdnsRecord{{`"kept"`, true}}}}}
	if err := pdnsCall(t.Context(), api, http.MethodPatch, "/zones/example.com.", patch); err != nil {
		t.Fatal(err)
	}
	p := provided{t, pdnsClient(t, api, "pd-secret"), traits{}}
	p.holds("off", "TXT")
	s := rrset{key{"off.example.com", "TXT"}, 60, []string{"ours"}}
	p.ok(p.SetRecords(t.Context(), "example.com.", s.records("example.com")))
	p.holds("off", "TXT", "ours")
	p.ok(p.DeleteRecords(t.Context(), "example.com.", s.records("example.com")))
	sets, err := p.Provider.(*client).backend.(*powerdns).list(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets {
		if s.Name == "off.example.com." && len(s.Records) == 1 && s.Records[0].Disabled {
			return
		}
	}
	t.Error("the record that was switched off is lost")
}
