package imapd

import (
	"fmt"

	"gomail"
)

// expunge answers EXPUNGE, RFC 9051 section 6.4.3, and UID EXPUNGE, section
// 6.4.9. The responses come with the news that end the command.
func (s *session) expunge(r *request) error {
	var uids []gomail.UID
	if r.uid {
		s.dec.Space()
		set := s.dec.Set()
		if s.dec.Err() == nil {
			indexes, _ := s.view.resolve(set, true)
			uids = s.view.uids(indexes)
		}
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	if err := s.needWrite(); err != nil {
		return err
	}
	if r.uid && len(uids) == 0 {
		return nil
	}
	var gone []gomail.UID
	err := s.patiently(func() (err error) {
		gone, _, err = s.view.box.Expunge(s.ctx, uids)
		return err
	})
	if err != nil {
		return err
	}
	if s.muted() {
		s.tellGone(gone)
		return nil
	}
	if err := s.poll(); err != nil || s.view == nil {
		return err
	}
	if s.condstore {
		r.code = fmt.Sprintf("HIGHESTMODSEQ %d", s.view.modSeq)
	}
	return nil
}

// needWrite refuses changes in a mailbox that was opened with EXAMINE.
func (s *session) needWrite() error {
	if s.view.readOnly {
		return gomail.Errorf(gomail.Forbidden, "The mailbox is open for reading only")
	}
	return nil
}
