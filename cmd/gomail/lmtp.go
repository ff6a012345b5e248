package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"

	"gomail"
	"gomail/inbound"
	"gomail/smtpd"
)

// lmtpBackend answers other mail servers of this machine: what they bring goes
// to mailboxes, and nowhere else.
type lmtpBackend struct{ inbound *inbound.Service }

// NewSession begins a connection.
func (b lmtpBackend) NewSession(_ context.Context, c *gomail.Client) (smtpd.Session, error) {
	return &lmtpSession{mxSession{inbound: b.inbound, client: c, connection: b.inbound.Hand(c)}}, nil
}

// lmtpSession is mxSession but for the message's end, which each recipient has
// to itself.
type lmtpSession struct{ mxSession }

// Data takes the message.
func (s *lmtpSession) Data(ctx context.Context, r io.Reader) (string, error) {
	receipt, results := s.inbound.Handover(ctx, s.transaction, r)
	if err := errors.Join(results...); err != nil {
		return "delivered", smtpd.Partial(results)
	}
	return "delivered as " + receipt.ID, nil
}

// openLMTP opens the sockets of LMTP. Their files' permissions are the
// credential.
func (s *server) openLMTP() error {
	c := s.smtpConfig()
	c.LMTP, c.TLS, c.MaxConnectionsPerAddress = true, nil, c.MaxConnections
	c.MaxRefusedRecipients = 1 << 30 // it has been asked by others, and harvests nothing
	c.Metrics = s.metrics.smtp("lmtp")
	server := smtpd.New(c, lmtpBackend{s.inbound})
	for _, path := range s.config.LMTP.Listen {
		l, err := s.listenLMTP(path)
		if err != nil {
			return err
		}
		s.bound["lmtp.listen"] = append(s.bound["lmtp.listen"], l.Addr())
		s.tasks = append(s.tasks, task{"lmtp.listen", func(ctx context.Context) error { return server.Serve(ctx, l) }})
	}
	return nil
}

// listenLMTP opens one socket.
func (s *server) listenLMTP(path string) (net.Listener, error) {
	mode, err := s.config.LMTP.FileMode()
	if err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, gomail.Errorf(gomail.Unavailable, "lmtp.listen: %w: make the directory, and let GoMail write to it", err)
	}
	if err := own(path, mode, s.config.LMTP.Group); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes a socket that a server has left behind. One that answers,
// and what is no socket, stays.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return gomail.Errorf(gomail.Unavailable, "lmtp.listen: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return gomail.Errorf(gomail.Exists, "lmtp.listen: %s is there already and is no socket: choose another path", path)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return gomail.Errorf(gomail.Exists, "lmtp.listen: another program listens on %s: stop it, or choose another path", path)
	}
	return os.Remove(path)
}

// own gives a socket its permissions, the group first: nobody may come in
// between who shall not.
func own(path string, mode fs.FileMode, group string) error {
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return gomail.Errorf(gomail.NotFound, "lmtp.group: there is no group %s on this machine", group)
		}
		id, err := strconv.Atoi(g.Gid)
		if err != nil {
			return fmt.Errorf("lmtp.group: %w", err)
		}
		if err := os.Chown(path, -1, id); err != nil {
			return gomail.Errorf(gomail.Forbidden, "lmtp.group: the socket cannot be given to %s: %w: make GoMail's user a member of it", group, err)
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("protect the LMTP socket: %w", err)
	}
	return nil
}
