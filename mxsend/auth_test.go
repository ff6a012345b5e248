package mxsend

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// scramPeer plays the server's part of SCRAM over a connection, and forge may
// change what it sends at the end.
func scramPeer(t *testing.T, conn net.Conn, password string, forge func(final string) string) {
	r := bufio.NewReader(conn)
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) {
		c, err := scram.SHA256.NewClient("us", password, "")
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		return c.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
	})
	if err != nil {
		t.Error(err)
		return
	}
	c := server.NewConversation()
	for step := 0; ; step++ {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		text := strings.TrimPrefix(strings.TrimSpace(line), "AUTH SCRAM-SHA-256 ")
		if text == "" {
			fmt.Fprint(conn, "235 2.7.0 hello\r\n")
			return
		}
		message, _ := base64.StdEncoding.DecodeString(text)
		answer, err := c.Step(string(message))
		if err != nil && !c.Valid() {
			fmt.Fprint(conn, "535 5.7.8 wrong\r\n")
			return
		}
		if step == 1 {
			answer = forge(answer)
		}
		if answer == "skip" {
			fmt.Fprint(conn, "235 2.7.0 believe me\r\n")
			return
		}
		fmt.Fprintf(conn, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte(answer)))
	}
}

// The password is proved to the server, and the server's knowledge of it to us.
func TestSCRAM(t *testing.T) {
	honest := func(s string) string { return s }
	for _, test := range []struct {
		name, ours, theirs string
		forge              func(string) string
		want               string
	}{
		{"right", "secret", "secret", honest, ""},
		{"another password", "secret", "other", honest, "535 wrong"},
		{"a server without proof", "secret", "secret", func(string) string { return "skip" }, "refused to sign us in: 235 believe me"},
		{"a server with a wrong proof", "secret", "secret", func(string) string { return "v=AAAA" }, "part of SCRAM is wrong"},
		{"an error in place of the proof", "secret", "secret", func(string) string { return "e=other-error" }, "part of SCRAM is wrong"},
		{"a password that is none", "\x00", "secret", honest, "cannot be used with SCRAM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			go scramPeer(t, theirs, test.theirs, test.forge)
			s := New(Config{Hostname: "mail.example.com", Resolver: newZone()})
			c := &client{s: s, via: &Smarthost{Username: "us", Password: test.ours}, ext: extensions{auth: map[string]bool{"SCRAM-SHA-256": true}}}
			c.use(ours)
			defer ours.Close()
			err := c.signIn()
			if got := fmt.Sprint(err); test.want == "" && err != nil || test.want != "" && !strings.Contains(got, test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if (err == nil) != (c.mechanism == "SCRAM-SHA-256") {
				t.Errorf("the mechanism is %q", c.mechanism)
			}
		})
	}
}

// FuzzChallenge reads what a server asks: never more work than we bound.
func FuzzChallenge(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString([]byte("r=x,s=QUJD,i=4096")))
	f.Add("!")
	f.Fuzz(func(t *testing.T, text string) {
		challenge, err := challengeOf(reply{code: 334, lines: []string{text}})
		if err != nil {
			return
		}
		for _, part := range strings.Split(challenge, ",") {
			var n int
			if _, err := fmt.Sscanf(part, "i=%d", &n); err == nil && n > maxIterations {
				t.Errorf("%q asks for %d iterations", challenge, n)
			}
		}
	})
}
