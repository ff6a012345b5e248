package imapd

import (
	"errors"
	"strings"
	"time"

	"gomail/imapd/imapwire"
)

// state is where a session stands, RFC 9051 section 3.
type state uint8

const (
	stateGreeted state = 1 << iota
	stateAuthenticated
	stateSelected

	anyState     = stateGreeted | stateAuthenticated | stateSelected
	signedInOnly = stateAuthenticated | stateSelected
)

// command is an entry of the table.
type command struct {
	states state
	run    func(*session, *request) error

	// quiet commands end without news of the mailbox: it would break
	// sequence numbers that the client has under way (RFC 9051 section
	// 7.5.1), or there is none.
	quiet bool
}

// request is one command.
type request struct {
	tag  string
	name string // in upper case; "UID FETCH"
	uid  bool   // the UID form

	code string // of the tagged OK
	text string // of the tagged OK
}

func (r *request) okText() string {
	if r.text != "" {
		return r.text
	}
	return r.name + " completed"
}

// commands is the table. A further extension adds its line here.
func commands() map[string]command {
	return map[string]command{
		"CAPABILITY":   {anyState, (*session).capability, true},
		"NOOP":         {anyState, (*session).noop, false},
		"LOGOUT":       {anyState, (*session).logout, true},
		"ID":           {anyState, (*session).id, true},
		"STARTTLS":     {stateGreeted, (*session).starttls, true},
		"AUTHENTICATE": {stateGreeted, (*session).authenticate, true},
		"LOGIN":        {stateGreeted, (*session).login, true},

		"COMPRESS":       {signedInOnly, (*session).compress, true},
		"UNAUTHENTICATE": {signedInOnly, (*session).unauthenticate, true},

		"ENABLE":       {signedInOnly, (*session).enable, true},
		"NAMESPACE":    {signedInOnly, (*session).namespace, false},
		"SELECT":       {signedInOnly, (*session).selectMailbox, true},
		"EXAMINE":      {signedInOnly, (*session).examine, true},
		"CREATE":       {signedInOnly, (*session).create, false},
		"DELETE":       {signedInOnly, (*session).delete, false},
		"RENAME":       {signedInOnly, (*session).rename, false},
		"SUBSCRIBE":    {signedInOnly, (*session).subscribe, false},
		"UNSUBSCRIBE":  {signedInOnly, (*session).unsubscribe, false},
		"LIST":         {signedInOnly, (*session).list, false},
		"LSUB":         {signedInOnly, (*session).lsub, false},
		"STATUS":       {signedInOnly, (*session).status, false},
		"APPEND":       {signedInOnly, (*session).append, false},
		"IDLE":         {signedInOnly, (*session).idle, false},
		"NOTIFY":       {signedInOnly, (*session).notifyCommand, true},
		"GETMETADATA":  {signedInOnly, (*session).getMetadata, false},
		"SETMETADATA":  {signedInOnly, (*session).setMetadata, false},
		"SETACL":       {signedInOnly, (*session).setACL, false},
		"DELETEACL":    {signedInOnly, (*session).deleteACL, false},
		"GETACL":       {signedInOnly, (*session).getACL, false},
		"LISTRIGHTS":   {signedInOnly, (*session).listRights, false},
		"MYRIGHTS":     {signedInOnly, (*session).myRights, false},
		"GETQUOTA":     {signedInOnly, (*session).getQuota, false},
		"GETQUOTAROOT": {signedInOnly, (*session).getQuotaRoot, false},
		"SETQUOTA":     {signedInOnly, (*session).setQuota, false},

		"ESEARCH": {signedInOnly, (*session).multisearch, false},

		"CANCELUPDATE": {stateSelected, (*session).cancelUpdate, false},
		"CHECK":        {stateSelected, (*session).noop, false},
		"CLOSE":        {stateSelected, (*session).close, true},
		"UNSELECT":     {stateSelected, (*session).unselect, true},
		"EXPUNGE":      {stateSelected, (*session).expunge, false},
		"SEARCH":       {stateSelected, (*session).search, true},
		"SORT":         {stateSelected, (*session).sort, true},
		"THREAD":       {stateSelected, (*session).thread, true},
		"FETCH":        {stateSelected, (*session).fetch, true},
		"STORE":        {stateSelected, (*session).store, true},
		"COPY":         {stateSelected, (*session).copy, false},
		"MOVE":         {stateSelected, (*session).move, false},
		"UID EXPUNGE":  {stateSelected, (*session).expunge, false},
		"UID SEARCH":   {stateSelected, (*session).search, false},
		"UID SORT":     {stateSelected, (*session).sort, false},
		"UID THREAD":   {stateSelected, (*session).thread, false},
		"UID FETCH":    {stateSelected, (*session).fetch, false},
		"UID STORE":    {stateSelected, (*session).store, false},
		"REPLACE":      {stateSelected, (*session).replace, false},
		"UID REPLACE":  {stateSelected, (*session).replace, false},
		"UID COPY":     {stateSelected, (*session).copy, false},
		"UID MOVE":     {stateSelected, (*session).move, false},
	}
}

// step reads and runs one command.
func (s *session) step() {
	r := &request{}
	if s.notify != nil && s.notify.watch != nil {
		if err := s.awaitNotified(); err != nil {
			s.done = true
			return
		}
	}
	err := s.dec.Begin()
	began := time.Now()
	if s.broken(err) {
		s.ended(s.whyEnded(err))
		return
	}
	if err == nil {
		r.tag = s.dec.Tag()
		s.tag = r.tag
		s.dec.Space()
		r.name = s.commandName(r)
		err = s.dec.Err()
	}
	var tooLong *imapwire.TooBigError
	if errors.As(err, &tooLong) && r.tag == "" {
		r.tag = s.dec.TagOf()
	}
	metric := "other"
	if err == nil {
		if _, known := s.srv.commands[r.name]; known {
			metric = r.name
		}
		err = s.run(r)
	}
	if !s.broken(err) {
		if skipped := s.dec.Skip(); skipped != nil {
			err = skipped
		}
	}
	outcome := s.answer(r, err)
	s.cfg.Metrics.Command(metric, outcome, time.Since(began))
	if s.errors >= s.cfg.MaxErrors {
		s.lastWords = "Too many bad commands"
	}
	if s.lastWords != "" && !s.done {
		s.bye("", s.lastWords)
	}
}

// commandName reads the command's name, with the one after UID.
func (s *session) commandName(r *request) string {
	name := s.dec.Word()
	if name == "UID" {
		r.uid = true
		s.dec.Space()
		name += " " + s.dec.Word()
	}
	return name
}

// run carries a command out, and then tells what changed in the mailbox.
func (s *session) run(r *request) error {
	c, known := s.srv.commands[r.name]
	switch {
	case !known:
		return &imapwire.SyntaxError{Text: "Unknown command"}
	case c.states&s.state() == 0:
		return &imapwire.SyntaxError{Text: s.wrongState(c)}
	case s.uidOnly && takesNumbers(r.name):
		return errUIDRequired()
	}
	if err := s.stillReadable(c, r); err != nil {
		return err
	}
	if err := c.run(s, r); err != nil {
		return err
	}
	if c.quiet || s.view == nil {
		s.updateContexts()
		return nil
	}
	return s.poll()
}

// wrongState says what has to come first.
func (s *session) wrongState(c command) string {
	switch {
	case c.states == stateGreeted:
		return "You are signed in already"
	case s.user == nil:
		return "Please sign in first"
	}
	return "Please select a mailbox first"
}

func (s *session) state() state {
	switch {
	case s.view != nil:
		return stateSelected
	case s.user != nil:
		return stateAuthenticated
	}
	return stateGreeted
}

// noArguments expects the end of the command.
func (s *session) noArguments() error { return s.dec.End() }

// upper is for words that were read as strings.
func upper(s string) string { return strings.ToUpper(s) }
