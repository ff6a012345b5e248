package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pause is how long somebody waits who was refused.
const pause = 20 * time.Millisecond

// trial is a life in which one thing goes wrong.
type trial struct {
	*life
	scenario scenario
	workers  sync.WaitGroup
	prefix   string // of the names of messages
	figures  string // what there is to tell

	packs, logs atomic.Int64 // syncs of them, while the disk is slow
}

func (t *trial) figure(format string, args ...any) { t.figures += "; " + fmt.Sprintf(format, args...) }

// try lives through a scenario. The problems are what the server did wrong.
func try(o options, dir string, number uint64, s scenario) (*trial, []string, error) {
	l := &life{binary: o.binary, dir: filepath.Join(dir, fmt.Sprint("fault", number)), random: rand.New(rand.NewPCG(o.seed, number)), survival: -1}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, nil, err
	}
	l.begin()
	w, err := newWorld(func() *outbox { return l.outbox })
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	l.world = w
	t := &trial{life: l, scenario: s}
	l.plain = len(s.under) > 0
	if s.end != nil {
		l.whenRefused = refused
	}
	problems, err := t.live()
	if len(problems) > 0 || err != nil {
		return t, problems, err
	}
	problems, err = l.end()
	return t, problems, err
}

// live runs the server until it has gone wrong and was mended, or has ended.
func (t *trial) live() (problems []string, err error) {
	err = t.mounted(func(config, data string) error {
		s, err := launch(append(t.scenario.under, t.binary), config, data)
		if err != nil {
			return err
		}
		defer t.workers.Wait()
		defer s.kill()
		defer t.enough.Store(true)
		if problems = t.resume(s); len(problems) > 0 {
			return nil
		}
		t.work(s)
		if !t.progress(50) {
			problems = []string{"nothing was acknowledged before anything went wrong"}
			return nil
		}
		t.scenario.begin(t)
		if t.scenario.end == nil {
			problems = t.ends(s)
			if t.scenario.stays {
				problems = append(problems, t.refusesToStart(config, data)...)
			}
			if !t.plain {
				t.disk = t.disk.Cut(t.random.Float64(), t.random)
			}
		} else {
			problems = t.passes(s)
		}
		return nil
	})
	return problems, err
}

// work begins the load. Who is refused comes again.
func (t *trial) work(s *server) {
	again := func(name string, f func(name string)) {
		t.workers.Go(func() {
			for n := 0; !t.enough.Load() && s.running(); n++ {
				f(fmt.Sprintf("%s%s-%d", t.prefix, name, n))
				time.Sleep(pause)
			}
		})
	}
	senders := t.scenario.senders
	if senders == 0 {
		senders = 24
	}
	for i := range senders {
		again(fmt.Sprint("in", i), func(name string) { t.deliver(s, name) })
	}
	for i := range 3 {
		again(fmt.Sprint("out", i), func(name string) { t.submit(s, name) })
	}
	for i, r := range t.readers {
		random := rand.New(rand.NewPCG(t.random.Uint64(), uint64(i)))
		t.workers.Go(func() { t.read(s, r, fmt.Sprint(t.prefix, "r", i), random) })
	}
}

// progress waits until so many more messages were acknowledged.
func (t *trial) progress(more int64) bool {
	for from, deadline := t.acks.Load(), time.Now().Add(patience); t.acks.Load() < from+more; time.Sleep(pause) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// ends demands that the process ends by itself and says why in one sentence.
// The power is cut then: what was acknowledged was durable before the fault.
func (t *trial) ends(s *server) (problems []string) {
	select {
	case <-s.exited:
	case <-time.After(patience):
		return []string{"the process goes on", s.log.String()[max(0, len(s.log.String())-2000):]}
	}
	t.enough.Store(true)
	t.workers.Wait()
	text := strings.TrimSpace(s.log.String())
	last := text[strings.LastIndex(text, "\n")+1:]
	t.figure("%s", last)
	if code := s.cmd.ProcessState.ExitCode(); code != 1 || !strings.HasPrefix(last, "gomail: ") || strings.Contains(text, "panic") {
		problems = append(problems, fmt.Sprintf("the process ended with %d and %q", code, text[max(0, len(text)-2000):]))
	}
	for answer := range t.answers.all() {
		if strings.HasPrefix(answer, "5") {
			problems = append(problems, "mail was refused for good: "+t.answers.String())
		}
	}
	return problems
}

// refusesToStart demands that a start says in a sentence why it cannot be.
func (t *trial) refusesToStart(config, data string) []string {
	s, err := launch([]string{t.binary}, config, data)
	if err != nil {
		return []string{err.Error()}
	}
	defer s.kill()
	select {
	case <-s.exited:
	case <-time.After(patience):
	}
	text := strings.TrimSpace(s.log.String())
	if s.running() || s.cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(text, "gomail: ") || strings.Contains(text, "\n") {
		return []string{"a start on the broken disk: " + text}
	}
	t.figure("at the next start: %s", text)
	return nil
}

// passes demands the right refusals while something is wrong, and that
// everything works again afterwards, without a restart.
func (t *trial) passes(s *server) (problems []string) {
	t.awaitRefusals(s)
	if t.scenario.last != nil {
		if problem := t.scenario.last(t); problem != "" {
			problems = append(problems, problem)
		}
	}
	t.scenario.end(t)
	if !s.running() {
		text := s.log.String()
		return append(problems, "the process ended: "+text[max(0, len(text)-2000):])
	}
	problems = append(problems, t.judgeAnswers()...)
	if !t.progress(100) {
		problems = append(problems, "nothing is acknowledged afterwards")
	}
	t.enough.Store(true)
	t.workers.Wait()
	return append(problems, t.verify(s)...)
}

// awaitRefusals waits until the first of the right refusals came, and then for
// as long as the scenario lasts.
func (t *trial) awaitRefusals(s *server) {
	first := ""
	if len(t.scenario.answers) > 0 {
		first = t.scenario.answers[0]
	}
	for deadline := time.Now().Add(patience); first != "" && t.answers.all()[first] == 0 && s.running() && time.Now().Before(deadline); {
		time.Sleep(pause)
	}
	time.Sleep(max(t.scenario.lasts, time.Second))
}

// judgeAnswers demands that all refusals are of the right kind.
func (t *trial) judgeAnswers() (problems []string) {
	answers := t.answers.all()
	if len(answers) > 0 {
		t.figure("%v", &t.answers)
	}
	for answer, n := range answers {
		if !slices.Contains(t.scenario.answers, answer) {
			problems = append(problems, fmt.Sprintf("%d times the answer was %q", n, answer))
		}
	}
	if len(t.scenario.answers) > 0 && t.scenario.answers[0] != "" && answers[t.scenario.answers[0]] == 0 {
		problems = append(problems, fmt.Sprintf("nobody was told %q", t.scenario.answers[0]))
	}
	return problems
}
