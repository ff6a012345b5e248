package mxsend

import (
	"sync"
	"time"
)

// maxIdlePerHost bounds what is kept for one host.
const maxIdlePerHost = 20

// pool keeps idle connections for a short time.
type pool struct {
	idle time.Duration

	mu      sync.Mutex
	closed  bool
	clients map[string][]*client // by route.key, oldest first
	armed   sync.WaitGroup       // counts the connections kept, until taken or ended
}

func newPool(idle time.Duration) *pool {
	return &pool{idle: idle, clients: make(map[string][]*client)}
}

// take returns the connection used last, or nil.
func (p *pool) take(key string) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	for list := p.clients[key]; len(list) > 0; {
		c := list[len(list)-1]
		list = list[:len(list)-1]
		p.set(key, list)
		// A timer that has fired ends the connection.
		if c.timer.Stop() {
			p.armed.Done()
			return c
		}
	}
	return nil
}

func (p *pool) set(key string, list []*client) {
	if len(list) == 0 {
		delete(p.clients, key)
		return
	}
	p.clients[key] = list
}

// put keeps a connection until it is taken, or idle for too long.
func (p *pool) put(c *client) {
	if !p.keep(c) {
		c.quit()
	}
}

func (p *pool) keep(c *client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.clients[c.key]) >= maxIdlePerHost {
		return false
	}
	p.armed.Add(1)
	p.clients[c.key] = append(p.clients[c.key], c)
	c.timer = time.AfterFunc(p.idle, func() { p.expire(c) })
	return true
}

// expire ends a connection that nobody took.
func (p *pool) expire(c *client) {
	defer p.armed.Done()
	defer c.quit()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.clients[c.key]
	for i, o := range list {
		if o == c {
			p.set(c.key, append(list[:i:i], list[i+1:]...))
			return
		}
	}
}

// close ends all idle connections and waits until they are.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, list := range p.clients {
		for _, c := range list {
			if c.timer.Stop() {
				go func() {
					defer p.armed.Done()
					c.quit()
				}()
			}
		}
	}
	clear(p.clients)
	p.mu.Unlock()
	p.armed.Wait()
}
