package domains

import (
	"time"

	"gomail"
)

// Stage is a part of a DKIM key's life.
type Stage struct {
	Text  string     `json:"text"`
	State StageState `json:"state" enum:"done,current,waiting"`
	At    time.Time  `json:"at"` // when it was done; of the current one the earliest that it can be; zero: not known
}

// StageState is where a stage stands.
type StageState string

// The states of a stage.
const (
	StageDone    StageState = "done"
	StageCurrent StageState = "current"
	StageWaiting StageState = "waiting"
)

// Stages returns the life of a key, with what is done and what is awaited.
func (s *Service) Stages(k gomail.DKIMKey) []Stage {
	pace := s.config.Pace
	seen := k.State != gomail.DKIMPending || !k.Since.Equal(k.Created)
	stages := []Stage{
		{Text: "Made", State: StageDone, At: k.Created},
		{Text: "Published and seen on every name server and resolver"},
		{Text: "Signs outgoing mail"},
		{Text: "Stops signing; stays published for mail on its way"},
		{Text: "Revoked: published with an empty key"},
		{Text: "Removed"},
	}
	current := map[gomail.DKIMKeyState]int{gomail.DKIMPending: 1, gomail.DKIMActive: 3, gomail.DKIMRetiring: 4, gomail.DKIMRevoked: 5}[k.State]
	if k.State == gomail.DKIMPending && seen {
		current = 2
	}
	for i := range stages {
		switch {
		case i < current:
			stages[i].State = StageDone
		case i == current:
			stages[i].State = StageCurrent
		default:
			stages[i].State = StageWaiting
		}
	}
	stages[current-1].At = k.Since
	stages[0].At = k.Created
	switch current {
	case 2:
		stages[2].At = k.Since.Add(pace.Settle)
	case 4:
		stages[4].At = k.Since.Add(pace.Retire)
	case 5:
		stages[5].At = k.Since.Add(pace.Revoke)
	}
	return stages
}
