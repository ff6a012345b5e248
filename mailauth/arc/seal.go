package arc

import (
	"gomail"
	"gomail/mailauth/dkim"
	"gomail/message"
)

// Seal returns the three fields of a further set, to be put above the header
// in this order: ARC-Seal, ARC-Message-Signature and results, which is a whole
// ARC-Authentication-Results field with the instance that chain.Next gives and
// its final CRLF. chain is what this server found out about the message's
// chain, and bodyHash the body's relaxed hash (dkim.NewBodyHash). The domain,
// the selector, the key and the time are taken from opts.
//
// A chain that failed is sealed as such: the set then signs itself only (RFC
// 8617 section 5.1.2).
func Seal(opts dkim.SignOptions, chain Result, results []byte, header message.Header, bodyHash []byte) ([]byte, error) {
	instance, ok := chain.Next()
	if !ok {
		return nil, gomail.Errorf(gomail.Invalid, "the ARC chain takes no further set")
	}
	if opts.HeaderFields == nil {
		opts.HeaderFields = append(dkim.DefaultHeaderFields(), "DKIM-Signature")
	}
	signature, err := dkim.SignInstance(opts, instance, header, bodyHash)
	if err != nil {
		return nil, err
	}
	above, validation, err := sealedBefore(header, chain)
	if err != nil {
		return nil, err
	}
	above = dkim.AppendField(above, results, dkim.Relaxed)
	above = dkim.AppendField(above, signature, dkim.Relaxed)
	seal, err := dkim.SignSeal(opts, instance, validation, above)
	if err != nil {
		return nil, err
	}
	return append(append(seal, signature...), results...), nil
}

// sealedBefore returns the sets that a new seal signs besides its own, and
// what it says about the chain.
func sealedBefore(header message.Header, result Result) (above []byte, validation string, err error) {
	switch result.Status {
	case None:
		return nil, "none", nil
	case Fail:
		return nil, "fail", nil
	}
	c, err := readChain(header)
	if err != nil {
		return nil, "", err
	}
	for _, s := range c.sets {
		above = c.appendSet(above, s)
	}
	return above, "pass", nil
}
