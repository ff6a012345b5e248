package api

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A stream on which nothing happens stays, over HTTP/2 too, where a deadline
// that passes ends it.
func TestQuietStreamStays(t *testing.T) {
	a := New(Config{Version: "test", Hub: NewHub()})
	a.heartbeat = 100 * time.Millisecond
	s := httptest.NewUnstartedServer(Trusted(a, "socket"))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	answer, err := s.Client().Get(s.URL + Path + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
		t.Fatalf("%s over %s", answer.Status, answer.Proto)
	}
	lines := bufio.NewScanner(answer.Body)
	for beats := 0; beats < 4; {
		if !lines.Scan() {
			t.Fatalf("after %d beats the stream ended: %v", beats, lines.Err())
		}
		if strings.HasPrefix(lines.Text(), ": still here") {
			beats++
		}
	}
}
