package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"gomail/web/api"
)

type listCmd struct {
	Add    listAddCmd    `cmd:"" help:"Make a mailing list."`
	List   listListCmd   `cmd:"" help:"List the mailing lists."`
	Show   listShowCmd   `cmd:"" help:"Show a mailing list with its members."`
	Change listChangeCmd `cmd:"" help:"Change what a mailing list is."`
	Remove listRemoveCmd `cmd:"" help:"Remove a mailing list with its members."`
	Member listMemberCmd `cmd:"" help:"The members of a mailing list."`
}

// oneList names a list.
type oneList struct {
	List string `arg:"" help:"The list's address."`
}

func (l oneList) path() string { return "/lists/" + seg(l.List) }

// listSettings are the flags of what a list is; those that are not given are
// nil.
type listSettings struct {
	Name    *string  `help:"Its name for people." placeholder:"TEXT"`
	Post    *string  `help:"Who may post: anyone, members or named. Who is named by --poster may in each." enum:"anyone,members,named" placeholder:"WHO"`
	Poster  []string `help:"An address that may post; several times for several, - for nobody." placeholder:"ADDRESS"`
	Replies *string  `help:"Where answers go: to the author or to the list." enum:"author,list" placeholder:"WHERE"`
	MaxSize *int64   `help:"Octets of a post, 0: as much as the server takes." placeholder:"OCTETS"`
	Owner   *string  `help:"Whom people and programs write about the list; empty: nobody." placeholder:"ADDRESS"`
}

// apply changes what was given.
func (f listSettings) apply(s *api.ListSettings) {
	set(&s.Name, f.Name)
	set(&s.Post, f.Post)
	set(&s.MaxSize, f.MaxSize)
	set(&s.Owner, f.Owner)
	setList(&s.Posters, f.Poster)
	if f.Replies != nil {
		s.ReplyToList = *f.Replies == "list"
	}
}

type listAddCmd struct {
	oneList
	listSettings
}

// Help shows examples.
func (listAddCmd) Help() string {
	return "Example: gomail list add dev@example.com --name Developers --owner anna@example.com\n\n" +
		"For announcements: gomail list add news@example.com --post named --poster anna@example.com"
}

// Run makes the list.
func (c listAddCmd) Run(a *app) error {
	body := api.NewList{Address: c.List, ListSettings: api.ListSettings{Post: "members"}}
	c.apply(&body.ListSettings)
	_, err := send[api.MailingList](a, http.MethodPost, "/lists", body)
	return err
}

type listListCmd struct{ printing }

// Help shows an example.
func (listListCmd) Help() string { return "Example: gomail list list" }

// Run lists the lists.
func (c listListCmd) Run(a *app) error {
	all, err := get[[]api.MailingList](a, "/lists")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "LIST", "NAME", "MAY POST", "ACTIVE", "MEMBERS", "OWNER")
		for _, l := range all {
			row(w, l.Address, l.Name, l.Post, l.Active, l.Members, l.Owner)
		}
	})
}

type listShowCmd struct {
	printing
	oneList
}

// Help shows an example.
func (listShowCmd) Help() string { return "Example: gomail list show dev@example.com" }

// shownList is a list with its members.
type shownList struct {
	api.MailingList
	MemberList []api.ListMember `json:"member_list"`
}

// Run shows the list.
func (c listShowCmd) Run(a *app) error {
	l, err := get[api.MailingList](a, c.path())
	if err != nil {
		return err
	}
	members, err := allMembers(a, c.path())
	if err != nil {
		return err
	}
	return c.show(a, shownList{l, members}, func(w *tabwriter.Writer) {
		replies := "author"
		if l.ReplyToList {
			replies = "list"
		}
		for _, x := range [][2]string{
			{"List", l.Address}, {"List-Id", l.ID}, {"Name", l.Name}, {"May post", strings.Join(append([]string{l.Post}, l.Posters...), ", ")}, {"Answers go to the", replies},
			{"Owner", l.Owner}, {"Members", fmt.Sprintf("%d, of whom %d get posts", l.Members, l.Active)},
		} {
			row(w, x[0], x[1])
		}
		if l.MaxSize > 0 {
			row(w, "Largest post", fmt.Sprint(l.MaxSize, " octets"))
		}
		row(w)
		showMembers(w, members)
	})
}

// allMembers reads them page by page.
func allMembers(a *app, list string) ([]api.ListMember, error) {
	all := []api.ListMember{}
	for after := ""; ; {
		page, err := get[[]api.ListMember](a, fmt.Sprintf("%s/members?limit=1000&after=%s", list, url.QueryEscape(after)))
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < 1000 {
			return all, nil
		}
		after = page[len(page)-1].Address
	}
}

func showMembers(w *tabwriter.Writer, members []api.ListMember) {
	row(w, "MEMBER", "STATUS", "SINCE", "BOUNCES", "WHAT THE LAST SAID")
	for _, m := range members {
		row(w, m.Address, m.Status, m.Since.Local().Format(time.DateTime), m.Bounces, m.Diagnostic)
	}
}

type listChangeCmd struct {
	oneList
	listSettings
}

// Help shows an example.
func (listChangeCmd) Help() string {
	return "Example: gomail list change dev@example.com --post anyone --replies list"
}

// Run changes what was given, and leaves the rest.
func (c listChangeCmd) Run(a *app) error {
	l, err := get[api.MailingList](a, c.path())
	if err != nil {
		return err
	}
	c.apply(&l.ListSettings)
	_, err = send[api.MailingList](a, http.MethodPut, c.path(), l.ListSettings)
	return err
}

type listRemoveCmd struct{ oneList }

// Help shows an example.
func (listRemoveCmd) Help() string { return "Example: gomail list remove dev@example.com" }

// Run removes the list.
func (c listRemoveCmd) Run(a *app) error { return act(a, http.MethodDelete, c.path()) }

type listMemberCmd struct {
	Add    memberAddCmd    `cmd:"" help:"Add members."`
	List   memberListCmd   `cmd:"" help:"List the members."`
	Remove memberRemoveCmd `cmd:"" help:"Remove a member, with what is known of them."`
	Resume memberResumeCmd `cmd:"" help:"Let a member get posts again who has left, complained or bounced."`
}

type memberAddCmd struct {
	oneList
	Addresses []string `arg:"" optional:"" help:"Addresses of accounts here or of others elsewhere."`
	Stdin     bool     `help:"Read addresses from standard input, one on each line."`
}

// Help shows examples.
func (memberAddCmd) Help() string {
	return "Example: gomail list member add dev@example.com bob@example.net eve@example.org\n\nMany: gomail list member add dev@example.com --stdin < addresses.txt"
}

// Validate wants addresses from one place.
func (c memberAddCmd) Validate() error {
	if (len(c.Addresses) == 0) != c.Stdin {
		return errors.New("name addresses, or give --stdin")
	}
	return nil
}

// Run adds the members.
func (c memberAddCmd) Run(a *app) error {
	if c.Stdin {
		var err error
		if c.Addresses, err = readLines(a.stdin); err != nil {
			return err
		}
	}
	done, err := send[api.AddedMembers](a, http.MethodPost, c.path()+"/members", api.NewMembers{Addresses: c.Addresses})
	if err == nil && done.Added < len(c.Addresses) {
		fmt.Fprintf(a.stderr, "%d of %d were added: the others were members already, or have left (gomail list member resume)\n", done.Added, len(c.Addresses))
	}
	return err
}

// readLines returns the lines that hold something.
func readLines(r io.Reader) (all []string, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			all = append(all, line)
		}
	}
	return all, lines.Err()
}

type memberListCmd struct {
	printing
	oneList
}

// Help shows an example.
func (memberListCmd) Help() string { return "Example: gomail list member list dev@example.com" }

// Run lists the members.
func (c memberListCmd) Run(a *app) error {
	members, err := allMembers(a, c.path())
	if err != nil {
		return err
	}
	return c.show(a, members, func(w *tabwriter.Writer) { showMembers(w, members) })
}

// oneMember names a member of a list.
type oneMember struct {
	oneList
	Member string `arg:"" help:"The member's address."`
}

func (m oneMember) path() string { return m.oneList.path() + "/members/" + seg(m.Member) }

type memberRemoveCmd struct{ oneMember }

// Help shows an example.
func (memberRemoveCmd) Help() string {
	return "Example: gomail list member remove dev@example.com bob@example.net"
}

// Run removes the member.
func (c memberRemoveCmd) Run(a *app) error { return act(a, http.MethodDelete, c.path()) }

type memberResumeCmd struct{ oneMember }

// Help shows an example.
func (memberResumeCmd) Help() string {
	return "Example: gomail list member resume dev@example.com bob@example.net"
}

// Run lets the member get posts again.
func (c memberResumeCmd) Run(a *app) error {
	_, err := send[api.ListMember](a, http.MethodPost, c.path()+"/resume", nil)
	return err
}
