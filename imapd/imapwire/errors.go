package imapwire

// SyntaxError is a command that breaks the grammar: the answer is BAD, and
// the connection goes on.
type SyntaxError struct {
	Text string
	Code string // response code; mostly there is none
}

// Error returns what is wrong, as a sentence for the client.
func (e *SyntaxError) Error() string { return e.Text }

// TooBigError is a line or a literal over a limit: the answer is NO or BAD
// with TOOBIG, and the connection goes on.
type TooBigError struct{ Text string }

// Error returns what is too big, as a sentence for the client.
func (e *TooBigError) Error() string { return e.Text }

// FatalError is a command after which the place of the next one is not known,
// or not worth finding: the session ends with BYE.
type FatalError struct{ Text string }

// Error returns why the session ends, as a sentence for the client.
func (e *FatalError) Error() string { return e.Text }
