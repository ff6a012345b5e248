package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"gomail"
	"gomail/explain"
	"gomail/internal/trail"
	"gomail/queue"
)

// trailMessages are the log messages that say what became of mail.
func trailMessages() []string {
	return []string{"received", "submitted", "forwarded", "list", "distributed", "list member", "delivery", "came back", "SMTP recipient refused", "SMTP sender refused", "LMTP recipient failed"}
}

// newTrail returns the trail of a server.
func newTrail(dataDir string) *trail.Trail {
	return trail.New(trail.Options{Dir: filepath.Join(dataDir, "trail"), Messages: trailMessages()})
}

// Limits of an explanation: people read it.
const (
	mostStories = 20
	mostRecords = 2_000
)

// Explain tells of the messages that a text names.
func (s *services) Explain(ctx context.Context, what string) ([]explain.Story, error) {
	texts, err := sought(what)
	if err != nil {
		return nil, err
	}
	records, err := s.records(ctx, texts)
	if err != nil {
		return nil, err
	}
	if more := related(records); len(more) > 0 { // what the queue did with it, and how it came to the queue
		if records, err = s.records(ctx, append(texts, more...)); err != nil {
			return nil, err
		}
	}
	stories := explain.Stories(records)
	if len(stories) == 0 {
		return nil, gomail.Errorf(gomail.NotFound, "nothing was noted of %q in the last two weeks: look for the other address, or for the name in the reply", what)
	}
	if key, err := queue.ParseKey(strings.TrimSpace(what)); err == nil {
		stories[0].Steps = append(stories[0].Steps, s.waiting(ctx, key)...)
	}
	return stories[:min(len(stories), mostStories)], nil
}

// waiting says what a queued message waits for; nothing once it has left.
func (s *services) waiting(ctx context.Context, key queue.Key) (steps []explain.Step) {
	m, err := s.queue.Show(ctx, key)
	if err != nil {
		return nil
	}
	for _, r := range m.Rcpts {
		step := explain.Step{At: time.Now(), State: explain.Waiting, Why: []string{}, Text: fmt.Sprintf("For %s it is in the queue, and tried at %s", r.Address, r.Due.UTC().Format("15:04:05 MST on 2 January 2006"))}
		if r.Status == queue.Held {
			step.Text, step.Next = fmt.Sprintf("For %s it is held in the queue", r.Address), "gomail queue release lets it go."
		}
		if r.LastError != "" {
			step.Text += ": " + r.LastError
		}
		step.Text += "."
		steps = append(steps, step)
	}
	return steps
}

// sought returns what lines of the trail hold that are about what a text
// names.
func sought(what string) ([]string, error) {
	what = strings.TrimSpace(what)
	if key, err := queue.ParseKey(what); err == nil {
		return []string{fmt.Sprintf(`"queueid":%d,`, key.ID)}, nil
	}
	if len(what) < 3 || strings.ContainsAny(what, " \"\\") {
		return nil, gomail.Errorf(gomail.Invalid, "%q is no message's name and no address: give the name from a reply or from gomail queue list, a Message-ID, or an address", what)
	}
	// Lines are JSON, in which < and > are written as escapes.
	quoted, err := json.Marshal(strings.Trim(what, "<>"))
	if err != nil {
		return nil, fmt.Errorf("look for %q: %w", what, err)
	}
	return []string{strings.Trim(string(quoted), `"`)}, nil
}

// records returns the newest records that hold any of the texts.
func (s *services) records(ctx context.Context, texts []string) (records []explain.Record, err error) {
	err = s.trail.Find(ctx, texts, func(line []byte) bool {
		if r, err := explain.ParseRecord(line); err == nil {
			records = append(records, r)
		}
		if len(records) >= 2*mostRecords {
			records = append(records[:0], records[mostRecords:]...)
		}
		return true
	})
	return records[max(0, len(records)-mostRecords):], err
}

// related returns what lines hold that are about the same messages.
func related(records []explain.Record) []string {
	names := map[string]bool{}
	for _, r := range records[max(0, len(records)-mostStories*10):] {
		if r.QueueID != 0 {
			names[`"queueid":`+strconv.FormatInt(r.QueueID, 10)+","] = true
		}
		if r.MsgID != "" {
			names[`"msgid":"`+r.MsgID+`"`] = true
		}
	}
	var texts []string
	for name := range names {
		texts = append(texts, name)
	}
	return texts
}

type explainCmd struct {
	printing
	What string `arg:"" help:"The name of a message in a reply or log, in gomail queue list, its Message-ID, or an address."`
}

// Help shows an example.
func (explainCmd) Help() string {
	return "It goes by what was noted in the last two weeks.\n\nExample: gomail explain anna@example.com\n\nExample: gomail explain '<1234@example.org>'"
}

// Run explains.
func (c explainCmd) Run(a *app) error {
	stories, err := get[[]explain.Story](a, "/explain?what="+url.QueryEscape(c.What))
	if err != nil {
		return err
	}
	return c.show(a, stories, func(w *tabwriter.Writer) {
		for i, s := range stories {
			if i > 0 {
				fmt.Fprintln(w)
			}
			describeStory(w, s)
		}
	})
}

func describeStory(w *tabwriter.Writer, s explain.Story) {
	fmt.Fprintln(w, s.Title)
	for _, step := range s.Steps {
		fmt.Fprintf(w, "  %s  %s\n", step.At.Local().Format(time.DateTime), step.Text)
		for _, why := range step.Why {
			fmt.Fprintf(w, "    - %s\n", why)
		}
		if step.Next != "" {
			fmt.Fprintf(w, "    → %s\n", step.Next)
		}
	}
}
