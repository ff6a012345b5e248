package imapd

import (
	"strconv"
)

// capability answers CAPABILITY, RFC 9051 section 6.1.1.
func (s *session) capability(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.out.Text("* CAPABILITY " + s.capabilities() + "\r\n")
	return nil
}

// capabilities lists what works in the present state: before sign-in only
// what matters then, and no way to send a password outside TLS.
func (s *session) capabilities() string {
	base := "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE"
	if s.user == nil {
		switch {
		case s.tls:
			return base + " AUTH=PLAIN AUTH=LOGIN"
		case s.cfg.TLS != nil:
			return base + " STARTTLS LOGINDISABLED"
		}
		return base + " LOGINDISABLED"
	}
	return base + " IDLE NAMESPACE UNSELECT UIDPLUS MOVE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE" +
		" ESEARCH SEARCHRES WITHIN CONDSTORE QRESYNC OBJECTID BINARY MULTIAPPEND UTF8=ACCEPT QUOTA QUOTA=RES-STORAGE" +
		" APPENDLIMIT=" + strconv.FormatInt(s.cfg.MaxMessageSize, 10)
}
