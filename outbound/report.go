package outbound

import (
	"context"

	"gomail"
)

// SubmitReport queues a message that the server itself has made, signed as the
// domain of from where that is ours, for one recipient. Its reverse-path is
// null: whatever becomes of it, nothing comes back. With TLSOptional no policy
// about TLS holds it up, and the TLS that it meets is not reported again.
func (s *Service) SubmitReport(ctx context.Context, from, to gomail.Address, tls gomail.TLSNeed, message []byte) error {
	envelope := gomail.Envelope{Recipients: []gomail.Recipient{{Address: to, Notify: gomail.NotifyNever}}, SMTPUTF8: !from.IsASCII() || !to.IsASCII(), TLS: tls}
	return s.sendOwn(ctx, envelope, from.Domain, message)
}
