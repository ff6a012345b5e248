package lists

import (
	"slices"
	"strings"

	"gomail"
	"gomail/message"
)

// Fields are the fields that programs know the list by, as the copy of one
// member has them: List-Id (RFC 2919), the others of RFC 2369 and
// List-Unsubscribe-Post (RFC 8058).
func (s *Service) Fields(l List, member int64) []byte {
	site, token := s.config.Site(), s.config.Tokens.Make(ForUnsubscribe, l.ID, member)
	leave := "<mailto:" + l.Address.Local + "+" + unsubscribeTag + token + "@" + l.Address.Domain + ">"
	if site != "" {
		leave = "<" + site + Path(l.Address, token) + ">, " + leave
	}
	text := message.FoldField("List-Id", l.describe()) + message.FoldField("List-Unsubscribe", leave)
	if site != "" {
		text += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
	}
	if l.Post == Named {
		text += "List-Post: NO\r\n"
	} else {
		text += message.FoldField("List-Post", "<mailto:"+l.Address.String()+">")
	}
	if !l.Owner.IsNull() {
		text += message.FoldField("List-Owner", "<mailto:"+escape(l.Owner)+">")
	}
	return []byte(text)
}

// Path is where a member unsubscribes from a list at the site.
func Path(list gomail.Address, token string) string {
	return "/unsubscribe/" + list.String() + "/" + token
}

// escape renders an address for a URL, RFC 6068 section 2.
func escape(a gomail.Address) string {
	var b strings.Builder
	for _, c := range []byte(a.String()) {
		if c > ' ' && c < 0x7f && !strings.ContainsRune(`%/?#[]&;="<>\^{|}`+"`", rune(c)) {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15]))
	}
	return b.String()
}

// describe is the value of List-Id.
func (l List) describe() string {
	id := "<" + l.Identifier() + ">"
	if l.Name == "" {
		return id
	}
	name, _, _ := strings.Cut(mailbox(l.Name, l.Address), " <")
	return name + " " + id
}

// fieldsOfLists are those that a list writes; what another wrote before is
// taken out (RFC 2369 section 4, RFC 8058 section 3.1).
var fieldsOfLists = []string{"List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive"}

// Changed are the fields of a message that a list adds or changes, unless it
// rewrites the author: a signature over any of them does not hold.
func (l List) Changed() []string {
	changed := slices.Clone(fieldsOfLists)
	if l.ReplyToList {
		changed = append(changed, "Reply-To")
	}
	return changed
}

// Header returns a post's header as all members get it, without Fields. rewrite
// puts the list into From: "Anna via Dev <dev@example.com>". The author then
// stands in Reply-To and in Author (RFC 9057).
func (l List) Header(header message.Header, rewrite bool) message.Header {
	out := header.Without(func(f message.Field) bool {
		return slices.ContainsFunc(fieldsOfLists, f.Is)
	})
	author, answers := header.Get("From"), header.Get("Reply-To")
	if rewrite {
		out = out.Without(func(f message.Field) bool { return f.Is("From") || f.Is("Author") })
		out = append(out, field("From", mailbox(authorName(author)+" via "+l.Title(), l.Address)), field("Author", author))
		if answers == "" {
			answers = author
		}
	}
	if l.ReplyToList {
		answers = mailbox(l.Name, l.Address)
		if rewrite {
			answers += ", " + author
		}
	}
	if answers != header.Get("Reply-To") {
		out = append(out.Without(func(f message.Field) bool { return f.Is("Reply-To") }), field("Reply-To", answers))
	}
	return out
}

// field makes one of text that came unfolded from another field, or from us.
func field(name, value string) message.Field {
	return message.Field{Name: name, Raw: []byte(message.FoldField(name, value))}
}

// authorName is what to call the author: the display name, or the address.
func authorName(from string) string {
	for _, a := range message.ParseAddressList(from) {
		if a.Group != message.GroupNone {
			continue
		}
		if name := strings.Join(strings.Fields(message.DecodeWords(a.Name)), " "); name != "" {
			return strings.Map(plain, name)
		}
		return strings.Map(plain, a.Local)
	}
	return "somebody"
}

// plain takes out what has no place in a name.
func plain(r rune) rune {
	if r < ' ' || r == 0x7f || r == '\u202e' {
		return -1
	}
	return r
}
