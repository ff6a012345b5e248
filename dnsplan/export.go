package dnsplan

import (
	"encoding/json"
	"fmt"
	"strings"

	"gomail"
)

// NSUpdate returns a plan as commands for nsupdate, RFC 2136: for each name
// and type the planned values are added, and nothing is deleted. Records of
// other zones stand in comments.
func NSUpdate(records []Record, zone string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "zone %s.\n", zone)
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		rr, err := r.rr()
		if err != nil || !within(r.Name, zone) {
			b.WriteString("; elsewhere: " + r.line())
			continue
		}
		b.WriteString("update add " + strings.ReplaceAll(rr.String(), "\t", " ") + "\n")
	}
	b.WriteString("send\n")
	return b.String()
}

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

// Route53 returns a plan as a change batch for Amazon Route 53. It creates
// record sets and never replaces one that is there: such a set has to be
// merged first, and Amazon refuses the batch.
func Route53(records []Record, zone string) (string, error) {
	batch := route53Batch{Comment: "Records for mail of " + zone}
	sets := map[Question]int{}
	for _, r := range records {
		if r.Requirement == NotApplicable || !within(r.Name, zone) {
			continue
		}
		rr, err := r.rr()
		if err != nil {
			return "", err
		}
		value := strings.TrimPrefix(rr.String(), rr.Header().String())
		q := Question{canonicalName(r.Name), r.Type}
		if i, ok := sets[q]; ok {
			set := &batch.Changes[i].ResourceRecordSet
			set.ResourceRecords = append(set.ResourceRecords, route53Value{value})
			continue
		}
		sets[q] = len(batch.Changes)
		batch.Changes = append(batch.Changes, route53Change{"CREATE", route53Set{r.Name + ".", r.Type, r.TTL, []route53Value{{value}}}})
	}
	text, err := json.MarshalIndent(batch, "", "  ")
	return string(text) + "\n", err
}

// ZoneOf returns the zone that a plan's records are for when nothing is known
// of the DNS: the domain itself.
func ZoneOf(records []Record) (string, error) {
	if zone := zoneOf(records); zone != "" {
		return zone, nil
	}
	return "", gomail.Errorf(gomail.NotFound, "the plan is empty")
}
