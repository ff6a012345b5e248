package dnsplan

import (
	"encoding/json"
	"fmt"
	"strings"
)

// route53Batch is a change batch as Amazon documents it.
type route53Batch struct {
	Comment string          `json:"Comment"`
	Changes []route53Change `json:"Changes"`
}

type route53Change struct {
	Action            string     `json:"Action"`
	ResourceRecordSet route53Set `json:"ResourceRecordSet"`
}

type route53Set struct {
	Name            string         `json:"Name"`
	Type            string         `json:"Type"`
	TTL             int            `json:"TTL"`
	ResourceRecords []route53Value `json:"ResourceRecords"`
}

type route53Value struct {
	Value string `json:"Value"`
}

// maxComment is the length of a batch's comment that Amazon takes.
const maxComment = 256

// Route53 returns a plan as a change batch for Amazon Route 53. Its action is
// CREATE, since UPSERT replaces a record set with all foreign values in it: so
// where a set is there already, Amazon refuses the batch, whole. Use
// Route53Changes then, which merges.
func Route53(records []Record, zone string) (string, error) {
	batch := route53Batch{
		Comment: "Records for mail of " + zone + ". CREATE never replaces a record set: where one is there, the whole batch is refused and has to be merged first.",
		Changes: []route53Change{},
	}
	sets := map[Question]int{}
	for _, r := range records {
		if r.Requirement == NotApplicable || !within(r.Name, zone) {
			continue
		}
		value, err := r.route53()
		if err != nil {
			return "", err
		}
		q := Question{canonicalName(r.Name), r.Type}
		if i, ok := sets[q]; ok {
			set := &batch.Changes[i].ResourceRecordSet
			set.ResourceRecords = append(set.ResourceRecords, value)
			continue
		}
		sets[q] = len(batch.Changes)
		batch.Changes = append(batch.Changes, route53Change{"CREATE", route53Set{r.Name + ".", r.Type, r.TTL, []route53Value{value}}})
	}
	return batch.text()
}

// Route53Changes returns what Merge found to be done as a change batch for
// Amazon Route 53. Its action is UPSERT: each set holds every foreign value
// that was seen, and replaces what is there. What is blocked, or asks for
// consent, is left out, and the comment says so.
func Route53Changes(changes []Change, zone string) (string, error) {
	batch := route53Batch{Changes: []route53Change{}}
	var left []string
	for _, ch := range changes {
		switch {
		case ch.Action == Keep || !within(ch.Name, zone):
			continue
		case ch.Blocked != "" || ch.Consent != "":
			left = append(left, ch.Type+" "+ch.Name)
			continue
		}
		change, err := ch.route53()
		if err != nil {
			return "", err
		}
		batch.Changes = append(batch.Changes, change)
	}
	batch.Comment = "Records for mail of " + zone + ", merged with what was there."
	if len(left) > 0 {
		batch.Comment += " Left out, as they need your decision: " + strings.Join(left, ", ") + "."
	}
	if len(batch.Comment) > maxComment {
		batch.Comment = batch.Comment[:maxComment]
	}
	return batch.text()
}

// route53 is the change of one set.
func (ch Change) route53() (route53Change, error) {
	action, values := "UPSERT", ch.After
	if len(values) == 0 {
		action, values = "DELETE", ch.Before
	}
	set := route53Set{Name: ch.Name + ".", Type: ch.Type, TTL: ch.TTL, ResourceRecords: []route53Value{}}
	for _, v := range values {
		r := Record{Name: ch.Name, Type: ch.Type, TTL: ch.TTL, Value: v.Text}
		if ch.Type == "MX" {
			r.Priority = new(v.Priority)
		}
		value, err := r.route53()
		if err != nil {
			return route53Change{}, err
		}
		set.ResourceRecords = append(set.ResourceRecords, value)
	}
	return route53Change{action, set}, nil
}

// route53 is a record's value as Amazon wants it. Octets beyond ASCII are
// written in octal there, where zone files have decimal.
func (r Record) route53() (route53Value, error) {
	if r.Type == "TXT" {
		return route53Value{quoteStrings(r.Value, `\%03o`)}, nil
	}
	rr, err := r.rr()
	if err != nil {
		return route53Value{}, err
	}
	return route53Value{data(rr)}, nil
}

func (b route53Batch) text() (string, error) {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the change batch: %w", err)
	}
	return string(text) + "\n", nil
}
