package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Record is what was noted at one moment, as the log has it.
type Record struct {
	Time    time.Time `json:"time"`
	Message string    `json:"msg"` // what it is about: "received", "submitted", "delivery"

	MsgID     string   `json:"msgid"`      // of the message, in replies and trace fields
	MessageID string   `json:"message_id"` // of its header
	QueueID   int64    `json:"queueid"`
	Outcome   string   `json:"outcome"`
	Remote    string   `json:"remote"`
	List      string   `json:"list"` // the mailing list's address
	From      string   `json:"from"`
	Rcpt      Strings  `json:"rcpt"`
	TLS       Text     `json:"tls"`
	Reply     string   `json:"reply"`
	Error     string   `json:"error"`
	Err       string   `json:"err"` // the same, as the SMTP server notes it
	Attempt   int      `json:"attempt"`
	Signed    []string `json:"signed"` // the keys: "mail._domainkey.example.com"
	Why       []string `json:"why"`    // sentences
}

// Strings is one text or several.
type Strings []string

// UnmarshalJSON reads either.
func (s *Strings) UnmarshalJSON(octets []byte) error {
	var one string
	if json.Unmarshal(octets, &one) == nil {
		*s = Strings{one}
		return nil
	}
	return json.Unmarshal(octets, (*[]string)(s))
}

// Text is a text; of anything else there is none.
type Text string

// UnmarshalJSON reads a text.
func (t *Text) UnmarshalJSON(octets []byte) error {
	var s string
	if json.Unmarshal(octets, &s) == nil {
		*t = Text(s)
	}
	return nil
}

// ParseRecord reads a line of the trail.
func ParseRecord(line []byte) (Record, error) {
	var r Record
	err := json.Unmarshal(line, &r)
	return r, err
}

// Story is what became of one message, or of an attempt to bring one.
type Story struct {
	Title string `json:"title"` // "From x@example.org to anna@example.com"
	Steps []Step `json:"steps"` // oldest first
}

// Step is one thing that happened.
type Step struct {
	At    time.Time `json:"at"`
	State State     `json:"state" enum:"good,waiting,bad"`
	Text  string    `json:"text"` // a sentence
	Why   []string  `json:"why"`  // sentences
	Next  string    `json:"next"` // what to do; empty: nothing
}

// State is how a step ended.
type State string

// The states.
const (
	Good    State = "good"
	Waiting State = "waiting" // it goes on
	Bad     State = "bad"
)

// Stories tells what records say, the newest message first. Records of one
// message belong together by its names.
func Stories(records []Record) []Story {
	slices.SortStableFunc(records, func(a, b Record) int { return a.Time.Compare(b.Time) })
	groups := map[string][]Record{}
	queued := map[int64]string{} // by the queue's name: the message's
	for _, r := range records {
		if r.QueueID != 0 && r.MsgID != "" {
			queued[r.QueueID] = r.MsgID
		}
	}
	var order []string
	for i, r := range records {
		key := cmp.Or(r.MsgID, queued[r.QueueID])
		switch {
		case key == "" && r.QueueID != 0:
			key = fmt.Sprint("queue ", r.QueueID)
		case key == "":
			key = fmt.Sprint("alone ", i)
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	var all []Story
	for _, key := range slices.Backward(order) {
		all = append(all, tell(groups[key]))
	}
	return all
}

// tell makes a story of what was noted of one message.
func tell(records []Record) Story {
	var s Story
	from, to := "", []string{}
	// That it goes on is noted a moment before that it came.
	slices.SortStableFunc(records, func(a, b Record) int { return cmp.Compare(rank(a), rank(b)) })
	for _, r := range records {
		if r.Message != "distributed" { // whose envelopes are the list's
			from = cmp.Or(from, r.From)
		}
		for _, x := range r.Rcpt {
			if x = strings.Trim(x, "<>"); x != "" && !slices.Contains(to, x) {
				to = append(to, x)
			}
		}
		s.Steps = append(s.Steps, step(r))
	}
	s.Title = fmt.Sprintf("From %s to %s", orNobody(from), orNobody(some(to)))
	return s
}

// mostNamed is how many recipients a title names.
const mostNamed = 10

// some joins recipients, the first of many.
func some(to []string) string {
	if n := len(to) - mostNamed; n > 1 {
		return fmt.Sprintf("%s and %d others", strings.Join(to[:mostNamed], ", "), n)
	}
	return strings.Join(to, ", ")
}

// rank is where a record stands in its story.
func rank(r Record) int {
	switch r.Message {
	case "received", "submitted":
		return 0
	case "forwarded", "list", "distributed":
		return 1
	}
	return 2
}

func orNobody(address string) string { return cmp.Or(strings.Trim(address, "<>"), "nobody") }

// step puts one record into words.
func step(r Record) Step {
	s := Step{At: r.Time, Why: append([]string{}, r.Why...)}
	problem := cmp.Or(r.Error, r.Err)
	switch r.Message {
	case "received":
		s.State, s.Text, s.Next = received(r, problem)
	case "submitted":
		s.State, s.Text = submitted(r, problem)
	case "forwarded":
		s.State, s.Text = Good, fmt.Sprintf("An alias sends it on to %s, with %s as the envelope's sender", strings.Join(r.Rcpt, ", "), orNobody(r.From))
	case "list", "list member", "distributed":
		s.State, s.Text, s.Next = atList(r, problem)
	case "came back":
		s.State, s.Text = Bad, fmt.Sprintf("A notification about it came back (%s)", r.Outcome)
		s.Next = "What it says is in the sender's inbox; gomail suppress list shows which addresses are refused for it."
	case "delivery":
		s.State, s.Text = delivery(r)
		if s.State != Good {
			cause := ReplyCause(r.Remote, r.Reply)
			s.Next = cause.Next
			if cause.Text != "" {
				s.Why = append(s.Why, cause.Text)
			}
		}
	default:
		s.State, s.Text = Bad, fmt.Sprintf("%s by %s: %s", r.Message, cmp.Or(r.Remote, "a client"), problem)
		s.Next = "Nothing came in: whoever sends has been told this, and has to mend it."
	}
	s.Text = strings.TrimSuffix(s.Text, ".") + "."
	return s
}

func received(r Record, problem string) (State, string, string) {
	name := fmt.Sprintf("It came from %s", r.Remote)
	switch r.Outcome {
	case "delivered":
		return Good, name + " and was delivered to the inbox", ""
	case "read":
		return Good, name + ", was read as a report, and filed as read in Archive", ""
	case "list":
		return Good, name + ", for a mailing list", ""
	case "junked":
		return Waiting, name + " and was delivered to Junk", "If it is wanted, move it to the inbox and ask its sender to mend what failed."
	case "discarded":
		return Bad, name + " and a milter had it discarded", "Look at the milter's own log."
	case "failed":
		return Waiting, fmt.Sprintf("%s and was put off: %s", name, problem), "The sender tries again by itself."
	case "refused":
		return Bad, fmt.Sprintf("%s and was refused: %s", name, problem), "Its sender was told this, and has to mend it."
	}
	return Good, name + " and was " + r.Outcome, ""
}

func submitted(r Record, problem string) (State, string) {
	if problem != "" {
		return Bad, "It was submitted and not taken: " + problem
	}
	text := "It was submitted here and " + r.Outcome
	switch {
	case len(r.Signed) > 0:
		text += ", signed with " + strings.Join(r.Signed, " and ")
	case r.Outcome == "queued":
		text += ", not signed, as its domain has no key that others can see"
	}
	return Good, text
}

// atList says what became of a message at a mailing list, or of a member.
func atList(r Record, problem string) (State, string, string) {
	who := strings.Join(r.Rcpt, ", ")
	switch {
	case r.Message == "list member":
		text := fmt.Sprintf("The member %s of the list %s became %s", who, r.List, r.Outcome)
		if r.Reply != "" {
			text += ": " + r.Reply
		}
		if r.Outcome == "active" {
			return Good, text, ""
		}
		return Waiting, text, fmt.Sprintf("gomail list member resume %s %s lets them get posts again, if they want that.", r.List, who)
	case r.Message == "distributed" && r.Outcome == "delivered":
		return Good, fmt.Sprintf("The list %s delivered a copy to the mailbox of %s", r.List, who), ""
	case r.Message == "distributed":
		return Good, fmt.Sprintf("The list %s sends a copy to %s, with %s as the envelope's sender", r.List, who, r.From), ""
	case problem != "":
		return Bad, fmt.Sprintf("At the list %s it was %s: %s", r.List, r.Outcome, problem), ""
	}
	return Good, fmt.Sprintf("At the list %s: %s", r.List, r.Outcome), ""
}

func delivery(r Record) (State, string) {
	to := strings.Join(r.Rcpt, ", ")
	by := cmp.Or(r.Remote, "this server")
	switch r.Outcome {
	case "delivered":
		text := fmt.Sprintf("Attempt %d for %s: %s took it", r.Attempt, to, by)
		if r.TLS != "" {
			text += fmt.Sprintf(" (%s)", r.TLS)
		}
		return Good, text + ": " + r.Reply
	case "failed":
		return Bad, fmt.Sprintf("Attempt %d for %s failed for good at %s: %s", r.Attempt, to, by, r.Reply)
	}
	return Waiting, fmt.Sprintf("Attempt %d for %s was put off at %s: %s", r.Attempt, to, by, r.Reply)
}
