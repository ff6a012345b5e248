package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"gomail/internal/config"
	"gomail/internal/seal"
	"gomail/store"
)

type restoreCmd struct {
	printing
	From      string `arg:"" name:"dir" help:"The directory that was given to gomail backup."`
	SendQueue bool   `help:"Let mail that waits for other servers go out at once. Some of it may have been sent already."`
}

// Help shows an example.
func (restoreCmd) Help() string {
	return "Restores into the data directory that --dir or the configuration names, which has to be empty. Run by root, what is restored belongs to whom that directory belongs to, or the secret key. Mail that waited for other servers is put on hold, because some of it may have been sent after the backup was made.\n\nExample: gomail restore /srv/backup/gomail --dir /var/lib/gomail"
}

// restored is what a restore tells.
type restored struct {
	Dir         string    `json:"dir"`
	Instant     time.Time `json:"instant"`
	Epoch       int64     `json:"epoch"`
	Accounts    int64     `json:"accounts"`
	Messages    int64     `json:"messages"`
	Held        int64     `json:"held"`        // queued recipients on hold
	Interrupted bool      `json:"interrupted"` // a later backup did not come to its end
	Left        []string  `json:"left"`        // files of the backup that were not put in place
	KeyMissing  string    `json:"key_missing"` // where the secret key has to be put; empty: it is there
	OK          bool      `json:"ok"`          // every invariant holds
	Problems    []string  `json:"problems"`
}

// Run restores, then checks.
func (c restoreCmd) Run(a *app) error {
	conf, err := a.config()
	if err != nil {
		return err
	}
	from := c.From
	if !isURL(from) { // a URL is refused with its sentence
		if from, err = filepath.Abs(from); err != nil {
			return err
		}
	}
	uid, gid, other, err := ownerToBe(conf.Server.DataDir, conf.Secrets.KeyFile)
	if err != nil {
		return err
	}
	m := a.meter("Restored")
	r, err := store.Restore(a.ctx, store.RestoreOptions{From: from, To: conf.Server.DataDir, SendQueue: c.SendQueue, Progress: m.show})
	m.end()
	if err != nil {
		return err
	}
	out := restored{
		Dir: conf.Server.DataDir, Instant: r.Instant, Epoch: r.Epoch, Accounts: r.Accounts, Messages: r.Messages,
		Held: r.Held, Interrupted: r.Interrupted, Left: append([]string{}, r.Configs...), Problems: []string{},
	}
	if _, err := seal.Load(conf.Secrets.KeyFile, false); err != nil {
		out.KeyMissing = conf.Secrets.KeyFile
	}
	if other {
		if err := giveTo(conf.Server.DataDir, uid, gid); err != nil {
			return err
		}
	}
	if err := a.meter("Checked").while(func() error { return out.check(a, conf) }); err != nil {
		return err
	}
	err = c.show(a, out, out.tell)
	if err == nil && !out.OK {
		err = errNotRight
	}
	return err
}

// check holds what was restored against every invariant.
func (r *restored) check(a *app, c config.Config) error {
	s, err := store.Open(a.ctx, store.Options{Dir: c.Server.DataDir, URL: c.Store.URL, Blobs: c.Store.Blobs})
	if err != nil {
		return err
	}
	defer s.Close()
	err = s.Check(a.ctx, func(problem string) { r.Problems = append(r.Problems, problem) })
	r.OK = len(r.Problems) == 0
	return err
}

func (r *restored) tell(w *tabwriter.Writer) {
	fmt.Fprintf(w, "Restored %d messages of %d accounts into %s, as of %s.\n", r.Messages, r.Accounts, r.Dir, r.Instant.Local().Format(time.DateTime))
	if r.Interrupted {
		fmt.Fprintln(w, "A later backup into that directory did not come to its end: this is the one before.")
	}
	if r.Held > 0 {
		fmt.Fprintf(w, "%d recipients at other servers are on hold, because mail to them may have been sent after the backup: see gomail queue list, then gomail queue release --all, or gomail queue drop ID.\n", r.Held)
	}
	for _, f := range r.Left {
		fmt.Fprintf(w, "%s is not put in place: compare it with yours.\n", f)
	}
	if r.KeyMissing != "" {
		fmt.Fprintf(w, "The secret key is not there: put your copy at %s before you start the server.\n", r.KeyMissing)
	}
	for _, p := range r.Problems {
		fmt.Fprintln(w, p)
	}
	if r.OK {
		fmt.Fprintln(w, "Every invariant holds. Mail programs will fetch their mailboxes anew.")
	}
}

// isURL tells a URL from a path.
func isURL(s string) bool { return strings.Contains(s, "://") }
