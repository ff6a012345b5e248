package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// BackupRequest says what is backed up to where.
type BackupRequest struct {
	To      string `json:"to" doc:"the directory, on the server's machine, with its whole path"`
	Secrets bool   `json:"secrets,omitempty" doc:"take the secret key along"`
	Config  string `json:"config,omitempty" doc:"the configuration file, to be taken along"`
}

// BackupReport says what a backup holds.
type BackupReport struct {
	To       string    `json:"to"`
	Instant  time.Time `json:"instant" doc:"everything acknowledged before is in it"`
	Epoch    int64     `json:"epoch" doc:"how often the store was restored before"`
	Accounts int64     `json:"accounts"`
	Messages int64     `json:"messages"`
	Queued   int64     `json:"queued" doc:"recipients of mail that waits"`
	Files    int       `json:"files"`
	Octets   int64     `json:"octets" doc:"of all files together"`
	Copied   int64     `json:"copied" doc:"octets that were not there yet"`
	Secrets  bool      `json:"secrets" doc:"the secret key is in it"`
	KeyFile  string    `json:"key_file" doc:"where the secret key is"`
	Problems []string  `json:"problems" doc:"damage that was found on the way"`
}

// BackupStep is a line of the answer: how far the backup is, or how it ended.
type BackupStep struct {
	Done   int64         `json:"done,omitempty" doc:"octets"`
	Total  int64         `json:"total,omitempty" doc:"octets"`
	Report *BackupReport `json:"report,omitempty" doc:"it ended well"`
	Error  string        `json:"error,omitempty" doc:"it did not"`
}

// progressEvery is how often a stream says how far it is.
const progressEvery = 200 * time.Millisecond

func (a *API) registerBackup(h huma.API) {
	o := scoped(ofSocket, "backup-store", http.MethodPost, "/backup", "Back the store up to a directory of the server, while it serves")
	o.Description = "The answer is a line of JSON for every step. The backup ends when the client goes."
	huma.Register(h, o, func(ctx context.Context, in *struct{ Body BackupRequest }) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(c huma.Context) { a.backup(ctx, c, in.Body) }}, nil
	})
}

// backup runs a backup and tells how far it is.
func (a *API) backup(ctx context.Context, c huma.Context, request BackupRequest) {
	c.SetHeader("Content-Type", "application/x-ndjson")
	last := time.Now()
	report, err := a.config.Backup(ctx, request, func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			writeStep(c, BackupStep{Done: done, Total: total})
		}
	})
	if err != nil {
		writeStep(c, BackupStep{Error: err.Error()})
		return
	}
	writeStep(c, BackupStep{Report: &report})
}

// writeStep writes a line. A client that is gone has ended the context.
func writeStep(c huma.Context, s BackupStep) {
	w := c.BodyWriter()
	_ = json.NewEncoder(w).Encode(s)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
