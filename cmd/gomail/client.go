package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"gomail"
	"gomail/web/api"
)

// socketName is the admin API's socket in the data directory. Whoever may
// open it is an administrator.
const socketName = "gomail.sock"

// client speaks the admin API: with the server that runs on the data
// directory, or with the store itself when none runs.
type client struct {
	do    func(*http.Request) (*http.Response, error)
	close func() error
}

// client returns a client for the installation that the flags name.
func (a *app) client() (*client, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if path := filepath.Join(c.Server.DataDir, socketName); listening(path) {
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		return &client{do: transport.RoundTrip, close: func() error { transport.CloseIdleConnections(); return nil }}, nil
	}
	if _, err := os.Stat(filepath.Join(c.Server.DataDir, "gomail.db")); errors.Is(err, fs.ErrNotExist) && !a.create {
		return nil, gomail.Errorf(gomail.NotFound, "there is no installation in %s: name its data directory with --dir or its configuration with --config; gomail setup makes one", c.Server.DataDir)
	}
	if !a.keepUser {
		if err := becomeOwner(c.Server.DataDir); err != nil {
			return nil, err
		}
	}
	s, err := openServices(a.ctx, c, outside{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	handler := api.Trusted(s.api(c), "socket")
	return &client{close: s.close, do: func(r *http.Request) (*http.Response, error) { return answerHere(handler, r), nil }}, nil
}

// listening reports whether a server answers on the socket. One that was left
// behind by a crash does not count.
func listening(path string) bool {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// call makes a request and reads the answer into out, if that is not nil. A
// problem comes back as its sentence.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://gomail"+api.Path+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.do(r)
	if err != nil {
		return gomail.Errorf(gomail.Unavailable, "the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return fmt.Errorf("read the server's answer: %w", err)
	case answer.StatusCode >= 300:
		return readProblem(answer.StatusCode, text)
	case out == nil || len(text) == 0:
		return nil
	}
	return json.Unmarshal(text, out)
}

// readProblem turns problem details (RFC 9457) into an error.
func readProblem(status int, text []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Errors []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(text, &p); err != nil || p.Detail == "" {
		return gomail.Errorf(gomail.Unavailable, "the server answered with status %d", status)
	}
	if len(p.Errors) > 0 {
		return gomail.Errorf(gomail.Invalid, "%s: %s (%s)", p.Detail, p.Errors[0].Message, p.Errors[0].Location)
	}
	return errors.New(p.Detail)
}

// with runs f with a client and closes it.
func (a *app) with(f func(*client) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.close())
}

// get is call for reading.
func get[T any](a *app, path string) (out T, err error) {
	err = a.with(func(c *client) error { return c.call(a.ctx, http.MethodGet, path, nil, &out) })
	return out, err
}

// send is call for changing.
func send[T any](a *app, method, path string, in any) (out T, err error) {
	err = a.with(func(c *client) error { return c.call(a.ctx, method, path, in, &out) })
	return out, err
}

// act is call for what has no answer.
func act(a *app, method, path string) error {
	return a.with(func(c *client) error { return c.call(a.ctx, method, path, nil, nil) })
}

// seg escapes a value for a path.
func seg(s string) string { return url.PathEscape(s) }
