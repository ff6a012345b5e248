package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// The stranger whose mail this is: the demo's other domain, which publishes
// SPF, DKIM and DMARC.
const (
	sender     = "you@remote.test"
	remoteHost = "mx.remote.test"
)

var words = strings.Fields(`the of and to in is that it was for on are with as his they at be this from have or by one had not
but what all were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been its who now people my made over did down only
way find use may water long little very after called just where most know invoice meeting project schedule regards attached`)

// newMessage makes a message of about size octets, of lines of words, so that
// it compresses as text does.
func newMessage(size int) []byte {
	var b strings.Builder
	b.WriteString("From: You <" + sender + ">\r\nTo: Anna <anna@gomail.test>\r\nSubject: about the meeting next week\r\n" +
		"Message-ID: <bench.1@remote.test>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n\r\n")
	writeLines(&b, size, rand.New(rand.NewPCG(1, 2)))
	return []byte(b.String())
}

// numberedMessage makes the n-th of many messages of 4 KB, each another: every
// fifth answers the one before.
func numberedMessage(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx.remote.test by mx.gomail.test; Mon, 02 Mar 2026 10:00:00 +0000\r\nFrom: \"Sender %d\" <s%d@remote.test>\r\nTo: Anna <anna@gomail.test>\r\n"+
		"Subject: number-%d about the meeting\r\nMessage-ID: <bench.%d@remote.test>\r\nDate: %s\r\nMIME-Version: 1.0\r\n", n%97, n%97, n, n, time.Unix(1772445600+int64(n*7919%1_000_000), 0).UTC().Format(time.RFC1123Z))
	if n%5 > 0 {
		fmt.Fprintf(&b, "In-Reply-To: <bench.%d@remote.test>\r\nReferences: <bench.%d@remote.test>\r\n", n-1, n-1)
	}
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\n")
	writeLines(&b, 4000, rand.New(rand.NewPCG(3, uint64(n))))
	return []byte(b.String())
}

// writeLines fills a message up with lines of words.
func writeLines(b *strings.Builder, size int, r *rand.Rand) {
	for b.Len() < size {
		var line strings.Builder
		for line.Len() < 64 {
			fmt.Fprintf(&line, "%s ", words[r.IntN(len(words))])
			if r.IntN(8) == 0 {
				fmt.Fprintf(&line, "%d ", r.IntN(100_000))
			}
		}
		b.WriteString(strings.TrimSpace(line.String()) + "\r\n")
	}
}

// queueMessage is what the queue's benchmark sends: 4 KB from an author who
// may send it. A mark goes before it.
func queueMessage(from string) []byte {
	return bytes.Replace(newMessage(4000), []byte(sender), []byte(from), 1)
}

// asSent takes off the trace fields that delivery put on top of a message, so
// that what is left is what its signer sent. It fails when the receiver did
// not find the signature, SPF and DMARC in order.
func asSent(delivered string) ([]byte, error) {
	at := strings.Index(delivered, "DKIM-Signature:")
	if at < 0 {
		return nil, fmt.Errorf("the message was not signed")
	}
	for _, want := range []string{"dkim=pass", "spf=pass", "dmarc=pass"} {
		if !strings.Contains(delivered[:at], want) {
			return nil, fmt.Errorf("the message did not get %s:\n%s", want, delivered[:at])
		}
	}
	return []byte(delivered[at:]), nil
}
