// Command torture cuts the power of GoMail again and again and looks for what
// it had promised.
//
// The server runs on a file system that keeps only what was synced (package
// powercut). Senders, readers and a submitter load it; each notes what was
// acknowledged. At a random moment the power is cut: nothing is written any
// more, the process is killed, and of what was not synced a part survives by
// chance. Then it starts again, and everything acknowledged has to be there,
// once and whole, with the UIDs and flags it had, and gomail check has to find
// nothing.
//
//	go run ./torture -cuts 100      # needs root and /dev/fuse
//	go run ./torture -mutants       # each sync left out in turn has to be caught
//	go run ./torture -soak -for 24h # a moderate load while all of it goes wrong: nothing may grow
//	go run ./torture -overload      # 5,000 slow clients, floods of sign-ins and mail; no root is needed
//	go run ./torture -faults        # a full disk, failing writes and syncs, a slow disk, no resolver
package main
