package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	anna     = "anna@example.test"
	bert     = "bert@example.test"
	password = "a password for both"
)

// server is one `gomail serve`.
type server struct {
	cmd    *exec.Cmd
	log    *safeBuffer
	exited chan struct{}
	api    *http.Client

	patient bool // sessions may last

	smtp, submissions, imaps, web string // addresses
}

// safeBuffer is written by the process and read by us.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// configure writes the configuration of a server that keeps its data in dir and
// takes so many SMTP connections from an address.
func configure(path, dir string, perAddress int, w *world) error {
	return os.WriteFile(path, fmt.Appendf(nil, `[server]
hostname = "mail.example.test"
data_dir = %q
[smtp]
listen = ["127.0.0.1:0"]
max_connections_per_address = %d
[submission]
listen = ["127.0.0.1:0"]
tls_listen = ["127.0.0.1:0"]
messages_per_hour = 0
messages_per_day = 0
recipients_per_hour = 0
recipients_per_day = 0
[imap]
listen = ["127.0.0.1:0"]
tls_listen = ["127.0.0.1:0"]
[web]
listen = ["127.0.0.1:0"]
http_listen = ["127.0.0.1:0"]
[dns]
resolvers = [%q]
block_lists = []
reach_hosts = []
[dkim]
default_algorithm = "ed25519"
[outbound]
smarthost = %q
smarthost_tls = "opportunistic"
allow_private_networks = true
[secrets]
key_file = %q
`, dir, perAddress, w.resolver, w.sink, keyFile(dir)), 0o600)
}

// keyFile is where the secret key is: beside the disk's other things, apart
// from the data directory.
func keyFile(data string) string {
	return filepath.Join(filepath.Dir(data), "..", "..", "etc", "secret.key")
}

// launch starts a server without waiting for it. command is the binary, and
// whatever runs it.
func launch(command []string, config, dir string, env ...string) (*server, error) {
	args := append(command[1:len(command):len(command)], "serve", "--config", config)
	s := &server{cmd: exec.Command(command[0], args...), log: &safeBuffer{}, exited: make(chan struct{})}
	s.cmd.Stderr, s.cmd.Env = s.log, append(os.Environ(), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	s.api = &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "gomail.sock"))
	}}}
	return s, nil
}

var listening = regexp.MustCompile(`msg=listening for=(\S+) address=(\S+)`)

// ready waits until the server answers.
func (s *server) ready() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		text := s.log.String()
		if strings.Contains(text, "msg=ready") {
			break
		}
		if !s.running() || time.Now().After(deadline) {
			return fmt.Errorf("the server does not start:\n%s", text)
		}
	}
	for _, m := range listening.FindAllStringSubmatch(s.log.String(), -1) {
		switch m[1] {
		case "smtp.listen":
			s.smtp = m[2]
		case "submission.tls_listen":
			s.submissions = m[2]
		case "imap.tls_listen":
			s.imaps = m[2]
		case "web.listen":
			s.web = m[2]
		}
	}
	return nil
}

// longest is how long a session with the server may last.
func (s *server) longest() time.Duration {
	if s.patient {
		return 2 * time.Hour
	}
	return 2 * patience
}

func (s *server) running() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// kill ends the process at once.
func (s *server) kill() {
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.exited
	s.api.CloseIdleConnections()
}

// stop ends the process in order.
func (s *server) stop() error {
	s.api.CloseIdleConnections()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.kill()
		return errors.New("the server did not stop")
	}
	return nil
}

// call asks the admin API.
func (s *server) call(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, "http://gomail/api/v1"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.api.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// fill makes domain and accounts.
func (s *server) fill() error {
	if err := s.call(http.MethodPost, "/domains", map[string]string{"name": "example.test"}, nil); err != nil {
		return err
	}
	for _, address := range []string{anna, bert} {
		if err := s.call(http.MethodPost, "/accounts", map[string]string{"address": address, "password": password}, nil); err != nil {
			return err
		}
	}
	return nil
}

// check runs gomail check and returns what it finds.
func (s *server) check() ([]string, error) {
	var report struct {
		Problems []string `json:"problems"`
	}
	err := s.call(http.MethodPost, "/check", nil, &report)
	return report.Problems, err
}

// collect gives the space of expunged bodies back, without waiting a day, and
// returns how many packs were rewritten.
func (s *server) collect() (packs int64, err error) {
	var collected struct {
		Packs int64 `json:"packs"`
	}
	err = s.call(http.MethodPost, "/collect", map[string]string{"older_than": "0s"}, &collected)
	return collected.Packs, err
}

// backup backs the store up beside it and says whether that came to its end.
func (s *server) backup(to string) bool {
	body, _ := json.Marshal(map[string]string{"to": to})
	answer, err := s.api.Post("http://gomail/api/v1/backup", "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return err == nil && bytes.Contains(text, []byte(`"report"`))
}

// drain has the whole queue tried until it is empty.
func (s *server) drain() error {
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		var queued []struct {
			ID         string `json:"id"`
			Recipients []struct {
				Due time.Time `json:"due"`
			} `json:"recipients"`
		}
		if err := s.call(http.MethodGet, "/queue?limit=1000", nil, &queued); err != nil {
			return err
		}
		if len(queued) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d messages stay in the queue", len(queued))
		}
		for _, m := range queued {
			if time.Until(m.Recipients[0].Due) > time.Second {
				s.call(http.MethodPost, "/queue/"+m.ID+"/retry", nil, nil) // it may have gone out meanwhile
			}
		}
	}
}
