package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gomail"
	"gomail/web/api"
)

// answerHere has a handler of this process answer a request. The body can be
// read while it is being written.
func answerHere(handler http.Handler, r *http.Request) *http.Response {
	body, out := io.Pipe()
	w := &pipedAnswer{header: http.Header{}, status: http.StatusOK, out: out, begun: make(chan struct{})}
	go func() {
		handler.ServeHTTP(w, r)
		w.begin()
		out.Close()
	}()
	<-w.begun
	return &http.Response{StatusCode: w.status, Header: w.header, Body: body}
}

// pipedAnswer is an http.ResponseWriter into a pipe.
type pipedAnswer struct {
	header http.Header
	status int
	out    *io.PipeWriter
	once   sync.Once
	begun  chan struct{} // closed when status and header are known
}

func (w *pipedAnswer) begin() { w.once.Do(func() { close(w.begun) }) }

// Header returns the header, before the body is begun.
func (w *pipedAnswer) Header() http.Header { return w.header }

// WriteHeader sets the status.
func (w *pipedAnswer) WriteHeader(status int) {
	w.status = status
	w.begin()
}

// Write writes to the body. A reader that has gone ends it.
func (w *pipedAnswer) Write(p []byte) (int, error) {
	w.begin()
	return w.out.Write(p)
}

// Flush does nothing: what is written is there.
func (w *pipedAnswer) Flush() {}

// backUp asks for a backup and shows how far it is.
func (c *client) backUp(a *app, request api.BackupRequest) (api.BackupReport, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return api.BackupReport{}, err
	}
	r, err := http.NewRequestWithContext(a.ctx, http.MethodPost, "http://gomail"+api.Path+"/backup", bytes.NewReader(text))
	if err != nil {
		return api.BackupReport{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.do(r)
	if err != nil {
		return api.BackupReport{}, gomail.Errorf(gomail.Unavailable, "the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		text, err := io.ReadAll(answer.Body)
		return api.BackupReport{}, errors.Join(err, readProblem(answer.StatusCode, text))
	}
	return readSteps(answer.Body, a.meter("Backed up"))
}

// readSteps reads the lines of a backup to its end.
func readSteps(r io.Reader, m *meter) (api.BackupReport, error) {
	defer m.end()
	lines := json.NewDecoder(r)
	for {
		var step api.BackupStep
		if err := lines.Decode(&step); err != nil {
			return api.BackupReport{}, gomail.Errorf(gomail.Unavailable, "the server stopped before the backup had ended: make it again (%w)", err)
		}
		switch {
		case step.Error != "":
			return api.BackupReport{}, errors.New(step.Error)
		case step.Report != nil:
			return *step.Report, nil
		}
		m.show(step.Done, step.Total)
	}
}

// meter shows on a terminal how far something is, once it has taken longer
// than a second.
type meter struct {
	to    io.Writer // nil: no terminal
	doing string
	begun time.Time
	last  time.Time
	shown bool
}

// meter returns one for standard error.
func (a *app) meter(doing string) *meter {
	m := &meter{doing: doing, begun: time.Now()}
	if f, ok := a.stderr.(*os.File); ok {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			m.to = f
		}
	}
	return m
}

func (m *meter) show(done, total int64) {
	now := time.Now()
	if m.to == nil || now.Sub(m.begun) < time.Second || now.Sub(m.last) < 200*time.Millisecond {
		return
	}
	m.last, m.shown = now, true
	fmt.Fprintf(m.to, "\r%s %s of %s \x1b[K", m.doing, amount(done), amount(total))
}

// end clears the line.
func (m *meter) end() {
	if m.shown {
		fmt.Fprint(m.to, "\r\x1b[K")
	}
}

// while shows for how long something without steps is under way.
func (m *meter) while(f func() error) error {
	if m.to == nil {
		return f()
	}
	done := make(chan error, 1)
	go func() { done <- f() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer m.end()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			m.shown = true
			fmt.Fprintf(m.to, "\r%s for %d s \x1b[K", m.doing, int(time.Since(m.begun).Seconds()))
		}
	}
}
