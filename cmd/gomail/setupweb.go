package main

import "gomail"

func (i *installation) inBrowser(address string) error {
	return gomail.Errorf(gomail.Unavailable, "not yet")
}
