package imapd

import "log/slog"

// maxIDPairs is how many fields a client may say about itself, RFC 2971
// section 3.3.
const maxIDPairs = 30

// id answers ID, RFC 2971. What the client calls itself is logged: it is what
// an administrator asks first when a client misbehaves.
func (s *session) id(*request) error {
	s.dec.Space()
	client := map[string]string{}
	if !s.dec.TryWord("NIL") {
		s.readID(client)
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	s.log.Debug("IMAP client", slog.String("name", client["name"]), slog.String("version", client["version"]))
	s.out.Text("* ID (\"name\" \"GoMail\")\r\n")
	return nil
}

func (s *session) readID(client map[string]string) {
	pairs := 0
	s.dec.List(func() {
		name := s.dec.String()
		s.dec.Space()
		value, _ := s.dec.NString()
		if pairs++; pairs > maxIDPairs {
			s.dec.Fail("Too many ID fields")
		}
		if len(name) <= 30 && len(value) <= 200 {
			client[name] = value
		}
	})
}
