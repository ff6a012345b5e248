// Package milter has mail examined by milters: programs that speak the
// protocol of Sendmail's filters, version 6, such as opendkim, rspamd or
// clamav-milter. They hear of a message as its commands come, and may refuse,
// defer, change, put aside or drop it.
//
// It is the client's side alone, on emersion/go-milter. What a milter changes
// in the envelope's sender is not offered to it.
package milter
