package dnsplan

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
)

// judgeText sorts out other people's TXT records, and the classic mistakes of
// pasting, before the kinds compare what is left.
func (c *comparison) judgeText(r Record, values []Value) verdict {
	var ours []string
	for _, v := range values {
		text := strings.TrimSpace(v.Text)
		if r.Ours(text) {
			ours = append(ours, text)
			continue
		}
		if bare := unquote(text); bare != text && r.Ours(bare) {
			return wrong("stray_quotes", "The value holds quotes or backslashes that were pasted along: enter it without them.")
		}
	}
	if len(ours) == 0 {
		return c.missing(r)
	}
	switch r.Purpose {
	case SPF, HeloSPF:
		return c.judgeSPF(r, ours)
	case DKIM:
		return judgeKey(r, ours)
	case DMARC:
		return judgeDMARC(r, ours)
	case MTASTS:
		return judgeMTASTS(r, ours)
	}
	return judgeTags(r, ours)
}

// unquote takes away what a panel's own quoting leaves behind.
func unquote(s string) string {
	s = strings.NewReplacer(`\"`, `"`, `\;`, ";", `\\`, `\`).Replace(s)
	return strings.TrimSpace(strings.Trim(strings.ReplaceAll(s, `" "`, ""), `"`))
}

// tag returns a tag of a tag list.
func tag(text, name string) (string, bool) {
	for part := range strings.SplitSeq(text, ";") {
		key, value, ok := strings.Cut(part, "=")
		if ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// judgeKey compares DKIM keys by their octets.
func judgeKey(r Record, ours []string) verdict {
	if len(ours) > 1 {
		return wrong("dkim_two_records", "%s holds %d keys, and receivers may take either: remove the others.", r.Name, len(ours))
	}
	want, got := keyOctets(r.Value), keyOctets(ours[0])
	p, hasKey := tag(ours[0], "p")
	switch {
	case hasKey && p == "" && len(want) > 0:
		return wrong("dkim_revoked", "The key is published as revoked (p= is empty): publish the value of this record.")
	case bytes.Equal(want, got) && len(want) == 0:
		return good
	case bytes.Equal(want, got):
		return judgeKeyTags(ours[0])
	case len(got) < len(want) && strings.HasPrefix(compact(r.Value), compact(ours[0])):
		return wrong("dkim_truncated", "The key was cut off after %d characters: enter the whole value; where a field takes 255 characters only, in several quoted parts.", len(ours[0]))
	case strings.ContainsAny(ours[0], `"\`):
		return wrong("stray_quotes", "The value holds quotes or backslashes that were pasted along: enter it without them.")
	}
	if _, err := dkim.ParseKey(ours[0]); err != nil {
		return wrong("dkim_syntax", "It is not a DKIM key that receivers can read (%v): publish the value of this record.", err)
	}
	return wrong("dkim_mismatch", "Another key is published than the one that signs: every signature fails. Publish the value of this record.")
}

// judgeKeyTags looks at what stands beside the right key.
func judgeKeyTags(text string) verdict {
	k, err := dkim.ParseKey(text)
	switch {
	case err != nil:
		return wrong("dkim_syntax", "The key is right, but receivers cannot read the record (%v): publish the value of this record.", err)
	case k.Testing:
		return differs("dkim_testing", "It is marked as a test (t=y): some receivers ignore its signatures. Remove t=y when you are done.")
	}
	return good
}

func keyOctets(text string) []byte {
	p, _ := tag(text, "p")
	octets, err := base64.StdEncoding.DecodeString(compact(p))
	if err != nil {
		octets, _ = base64.RawStdEncoding.DecodeString(strings.TrimRight(compact(p), "="))
	}
	return octets
}

// compact removes white space, which means nothing in a key.
func compact(s string) string { return strings.Join(strings.Fields(s), "") }

// judgeDMARC compares by tags.
func judgeDMARC(r Record, ours []string) verdict {
	if len(ours) > 1 {
		return wrong("dmarc_two_records", "There are %d DMARC records, so receivers use none of them: leave one.", len(ours))
	}
	want, err := dmarc.Parse(r.Value)
	if err != nil {
		return wrong("plan", "The planned record is not valid: %v.", err)
	}
	got, err := dmarc.Parse(ours[0])
	if err != nil {
		return wrong("dmarc_syntax", "Receivers cannot read the record (%v): publish the value of this record.", err)
	}
	switch {
	case strictness(got.Policy) < strictness(want.Policy):
		return wrong("dmarc_weaker", "Its policy is %s instead of %s: change p=.", got.Policy, want.Policy)
	case got.Testing && !want.Testing:
		return differs("dmarc_testing", "It is marked as a test, so receivers apply a weaker policy.")
	case strictness(got.Policy) > strictness(want.Policy):
		return differs("dmarc_stricter", "Its policy is %s, stricter than planned.", got.Policy)
	case !containsAll(got.RUA, want.RUA):
		return differs("dmarc_reports", "Reports go to %s instead of %s, where this server would read them.", orNobody(got.RUA), strings.Join(want.RUA, ", "))
	case compact(ours[0]) != compact(r.Value):
		return differs("dmarc_tags", "Its other tags differ from the plan; the policy is the same.")
	}
	return good
}

func strictness(p dmarc.Policy) int {
	return slices.Index([]dmarc.Policy{dmarc.None, dmarc.Quarantine, dmarc.Reject}, p)
}

func containsAll(have, want []string) bool {
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) }) {
			return false
		}
	}
	return true
}

func orNobody(list []string) string {
	if len(list) == 0 {
		return "nobody"
	}
	return strings.Join(list, ", ")
}

// judgeMTASTS compares the id: it has to change exactly when the policy does.
func judgeMTASTS(r Record, ours []string) verdict {
	if len(ours) > 1 {
		return wrong("sts_two_records", "There are %d MTA-STS records, so senders use none of them: leave one.", len(ours))
	}
	want, _ := tag(r.Value, "id")
	got, ok := tag(ours[0], "id")
	switch {
	case !ok || got == "":
		return wrong("sts_syntax", "The record has no id: publish the value of this record.")
	case got != want:
		return wrong("sts_id", "Its id is %s, but the policy that is served has the id %s: senders go on using the old one until the id changes.", got, want)
	}
	return good
}

// judgeTags compares tag lists: all planned tags, whatever else is there.
func judgeTags(r Record, ours []string) verdict {
	if len(ours) > 1 {
		return wrong("two_records", "There are %d such records at %s: leave one.", len(ours), r.Name)
	}
	if withoutEnd(ours[0]) == withoutEnd(r.Value) {
		return good
	}
	for part := range strings.SplitSeq(r.Value, ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		got, there := tag(ours[0], strings.TrimSpace(name))
		if !there {
			return wrong("tag_missing", "It lacks %s: publish the value of this record.", strings.TrimSpace(part))
		}
		if strings.EqualFold(strings.TrimSpace(name), "rua") && !containsAll(strings.Split(compact(got), ","), strings.Split(compact(value), ",")) {
			return differs("reports_elsewhere", "Reports go to %s instead of %s, where this server would read them.", got, strings.TrimSpace(value))
		}
	}
	return differs("tags", "It holds more than planned; what is planned is there.")
}

// withoutEnd is a tag list without what may stand at its end.
func withoutEnd(text string) string { return strings.TrimSuffix(compact(text), ";") }
