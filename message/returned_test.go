package message

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var updateReturned = flag.Bool("update-returned", false, "write the golden files of what comes back anew")

func returned(raw []byte) Returned {
	var x Indexer
	x.Write(raw)
	return ReadReturned(x.Finish(), bytes.NewReader(raw))
}

// What servers of many makes send back is told apart: bounces, delays, replies
// of people's programs, complaints, and mail that only speaks of bounces.
func TestReadReturned(t *testing.T) {
	files, err := filepath.Glob("testdata/returned/*.eml")
	if err != nil || len(files) < 14 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := returned(raw)
		got, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		golden := strings.TrimSuffix(file, ".eml") + ".golden"
		if *updateReturned {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s (want %s) %v", file, got, want, err)
		}
		if bytes.Contains(raw, []byte("@TOKEN@")) != bytes.Contains(r.Text, []byte("@TOKEN@")) {
			t.Errorf("%s: the returned original's trace is not among what was read: %s", file, r.Text)
		}
	}
}

// Our own notifications are understood as well.
func TestReadReturnedReadsOurs(t *testing.T) {
	for _, kind := range []ReturnKind{ReturnFailed, ReturnDelayed} {
		raw, err := os.ReadFile("testdata/dsn-" + string(kind) + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if r := returned(raw); r.Kind != kind || len(r.Recipients) == 0 || r.Recipients[0].Address.IsNull() {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

func FuzzReadReturned(f *testing.F) {
	files, _ := filepath.Glob("testdata/returned/*.eml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := returned(raw)
		if len(r.Recipients) > MaxReturned || len(r.Text) > MaxReturnedText {
			t.Fatalf("%d recipients, %d octets", len(r.Recipients), len(r.Text))
		}
		for _, x := range r.Recipients {
			if strings.ContainsAny(x.Diagnostic+x.Status, "\r\n") || x.Status != "" && enhanced(x.Status) != x.Status {
				t.Fatalf("%+v", x)
			}
		}
		if again := returned(raw); again.Kind != r.Kind || len(again.Recipients) != len(r.Recipients) {
			t.Fatal("it reads the same message in two ways")
		}
	})
}
