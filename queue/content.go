package queue

import (
	"context"
	"sync"

	"gomail"
)

// content is a message that is opened when it is first read: hundreds of
// attempts may wait for a greeting, and those need no message in memory.
type content struct {
	store   Store
	message *Message

	once   sync.Once
	opened gomail.Content
	err    error
}

// Size returns the octets of prefix and body.
func (c *content) Size() int64 { return c.message.Size }

// ReadAt reads a part of the message.
func (c *content) ReadAt(p []byte, offset int64) (int, error) {
	c.once.Do(func() { c.opened, c.err = c.open() })
	if c.err != nil {
		return 0, c.err
	}
	return c.opened.ReadAt(p, offset)
}

// Close gives back what reading took.
func (c *content) Close() error {
	if c.opened == nil {
		return nil
	}
	return c.opened.Close()
}

func (c *content) open() (gomail.Content, error) {
	if c.message.Open != nil {
		if opened, err := c.message.Open(); err == nil {
			return opened, nil
		}
	}
	return c.store.QueueContent(context.Background(), c.message.Key)
}
