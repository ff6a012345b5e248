package api

import "testing"

// Two types of one name would make every start fail.
func TestTheAPIDescribesItself(t *testing.T) {
	if a := New(Config{Version: "test"}); a == nil {
		t.Fatal("no API")
	}
}
