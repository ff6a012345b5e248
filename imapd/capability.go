package imapd

import (
	"strconv"
	"strings"
)

// capability answers CAPABILITY, RFC 9051 section 6.1.1.
func (s *session) capability(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.out.Text("* CAPABILITY " + s.capabilities() + "\r\n")
	return nil
}

// capabilities lists what works. All of it is told before sign-in already,
// since some clients do not ask again; but no way to send a password is, as
// long as there is no TLS.
func (s *session) capabilities() string {
	list := "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE"
	switch {
	case s.user != nil:
	case s.tls:
		list += " AUTH=" + strings.Join(s.mechanisms(), " AUTH=")
	case s.cfg.TLS != nil && !s.compressed:
		list += " STARTTLS LOGINDISABLED"
	default:
		list += " LOGINDISABLED"
	}
	if s.user != nil {
		list += " UNAUTHENTICATE"
		if !s.compressed {
			list += " COMPRESS=DEFLATE"
		}
	}
	return list + " IDLE NOTIFY NAMESPACE UNSELECT UIDPLUS MOVE" +
		" CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS" +
		" STATUS=SIZE STATUS=DELETED" +
		" ESEARCH SEARCHRES PARTIAL WITHIN MULTISEARCH CONTEXT=SEARCH" +
		" SORT SORT=DISPLAY ESORT SEARCH=FUZZY CONTEXT=SORT" +
		" THREAD=ORDEREDSUBJECT THREAD=REFERENCES I18NLEVEL=1" +
		" PREVIEW SAVEDATE" +
		" CONDSTORE QRESYNC UIDONLY" +
		" OBJECTID INPROGRESS" +
		" BINARY MULTIAPPEND CATENATE REPLACE" +
		" METADATA LIST-METADATA" +
		" ACL RIGHTS=texk LIST-MYRIGHTS" +
		" UTF8=ACCEPT" +
		" QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE" +
		" APPENDLIMIT=" + strconv.FormatInt(s.cfg.MaxMessageSize, 10)
}
