package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// reader works in mailboxes of its own: it appends, flags, moves and expunges.
type reader struct {
	*folders
	c      *imapclient.Client
	random *rand.Rand
	name   string
	count  int
	box    string // the selected one
}

// read works until the server is gone.
func (l *life) read(s *server, f *folders, name string, random *rand.Rand) {
	c, err := signIn(s, f.account)
	if err != nil {
		return
	}
	defer c.Close()
	r := &reader{folders: f, c: c, random: random, name: name}
	for !l.enough.Load() {
		time.Sleep(l.pace)
		err := r.step()
		var no *imap.Error
		switch {
		case err == nil:
			l.acks.Add(1)
		case errors.As(err, &no) && l.whenRefused == refused:
			l.answers.add(strings.TrimSpace(string(no.Type) + " " + string(no.Code)))
			r.refused()
			time.Sleep(pause)
		default:
			return
		}
	}
}

// step does one thing that changes something.
func (r *reader) step() error {
	if r.box == "" || r.random.IntN(10) == 0 {
		r.box = r.pick(slices.Sorted(maps.Keys(r.now)), 1)[0]
		if _, err := r.c.Select(r.box, nil).Wait(); err != nil {
			return err
		}
	}
	names := r.pick(slices.Sorted(maps.Keys(r.now[r.box])), 1+r.random.IntN(5))
	kind := r.random.IntN(20)
	if len(r.now[r.box]) > 40 {
		kind = 14 + r.random.IntN(6)
	}
	switch {
	case kind < 10 || len(names) == 0:
		return r.append()
	case kind < 14:
		return r.flag(names, imap.FlagFlagged)
	case kind < 17:
		return r.move(names)
	default:
		if err := r.flag(names, imap.FlagDeleted); err != nil {
			return err
		}
		return r.expunge(names)
	}
}

func (r *reader) pick(from []string, n int) []string {
	r.random.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:min(n, len(from))]
}

func (r *reader) uids(names []string) (set imap.UIDSet) {
	for _, name := range names {
		set.AddNum(r.now[r.box][name].uid)
	}
	return set
}

func (r *reader) append() error {
	name := fmt.Sprintf("%s-%d", r.name, r.count)
	r.count++
	message := text(name, bert)
	r.begin(func(c contents) { c[r.box][name] = entry{flags: `\Seen`} })
	cmd := r.c.Append(r.box, int64(len(message)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}})
	if _, err := cmd.Write(message); err != nil {
		return err
	}
	if err := cmd.Close(); err != nil {
		return err
	}
	data, err := cmd.Wait()
	if err == nil {
		r.acknowledged(r.box, map[string]imap.UID{name: data.UID})
	}
	return err
}

func (r *reader) flag(names []string, flag imap.Flag) error {
	r.begin(func(c contents) {
		for _, name := range names {
			e := c[r.box][name]
			if !strings.Contains(e.flags, string(flag)) {
				all := append(strings.Fields(e.flags), string(flag))
				slices.Sort(all)
				e.flags = strings.Join(all, " ")
			}
			c[r.box][name] = e
		}
	})
	err := r.c.Store(r.uids(names), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{flag}}, nil).Close()
	if err == nil {
		r.acknowledged(r.box, nil)
	}
	return err
}

func (r *reader) expunge(names []string) error {
	uids := r.uids(names)
	r.begin(func(c contents) {
		for _, name := range names {
			delete(c[r.box], name)
		}
	})
	err := r.c.UIDExpunge(uids).Close()
	if err == nil {
		r.acknowledged(r.box, nil)
	}
	return err
}

func (r *reader) move(names []string) error {
	from, to := r.box, ""
	for box := range r.now {
		if box != from {
			to = box
		}
	}
	uids := r.uids(names)
	byUID := map[imap.UID]string{}
	for _, name := range names {
		byUID[r.now[from][name].uid] = name
	}
	r.begin(func(c contents) {
		for _, name := range names {
			c[to][name] = entry{flags: c[from][name].flags}
			delete(c[from], name)
		}
	})
	data, err := r.c.Move(uids, to).Wait()
	if err != nil {
		return err
	}
	told := map[string]imap.UID{}
	source, _ := data.SourceUIDs.(imap.UIDSet)
	dest, _ := data.DestUIDs.(imap.UIDSet)
	sources, _ := source.Nums()
	dests, _ := dest.Nums()
	for i := range min(len(sources), len(dests)) {
		told[byUID[sources[i]]] = dests[i]
	}
	r.acknowledged(to, told)
	return nil
}
