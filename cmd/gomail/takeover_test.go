package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// An account is suspect when it sends from many networks within an hour, or
// presses against its limits; that is told once a day.
func TestSuspicions(t *testing.T) {
	var s suspicions
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	at := func(text string) netip.Addr { return netip.MustParseAddr(text) }
	for range 20 {
		if n := s.sends(1, at("192.0.2.1"), now); n != 1 {
			t.Fatalf("one network is %d", n)
		}
	}
	s.sends(1, at("192.0.2.200"), now)
	s.sends(1, at("::ffff:192.0.2.9"), now)
	s.sends(1, at("2001:db8:1:2::1"), now)
	if n := s.sends(1, at("2001:db8:1:ffff::1"), now); n != 2 {
		t.Errorf("two networks are %d", n)
	}
	for i := range 6 {
		if n := s.sends(1, at(fmt.Sprintf("198.51.%d.1", i)), now.Add(50*time.Minute)); n != 3+i {
			t.Errorf("%d networks are %d", 3+i, n)
		}
	}
	if n := s.sends(1, at("203.0.113.1"), now.Add(70*time.Minute)); n != 7 {
		t.Errorf("an hour later there are %d", n)
	}
	if n := s.sends(2, at("203.0.113.1"), now); n != 1 {
		t.Errorf("another account has %d", n)
	}

	for i := range manyPresses + 5 {
		if n := s.pressed(1, now.Add(time.Duration(i)*time.Minute)); n != min(i+1, manyPresses) {
			t.Errorf("press %d is %d", i+1, n)
		}
	}
	if n := s.pressed(1, now.Add(3*time.Hour)); n != 1 {
		t.Errorf("hours later: %d", n)
	}
	if !s.may(1, now) || s.may(1, now.Add(23*time.Hour)) || !s.may(1, now.Add(25*time.Hour)) {
		t.Error("it is not told once a day")
	}
}
