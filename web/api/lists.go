package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/lists"
)

// MailingList is a mailing list.
type MailingList struct {
	Address string    `json:"address" doc:"dev@example.com"`
	ID      string    `json:"id" doc:"as programs know it (RFC 2919): dev.example.com"`
	Created time.Time `json:"created"`
	Members int       `json:"members"`
	Active  int       `json:"active" doc:"of the members: those who get posts"`
	ListSettings
}

// NewList is a mailing list that is to be made.
type NewList struct {
	Address string `json:"address" doc:"dev@example.com"`
	ListSettings
}

// ListSettings are what can be changed of a mailing list.
type ListSettings struct {
	Name        string   `json:"name,omitempty" maxLength:"100" doc:"for people"`
	Post        string   `json:"post,omitempty" enum:"anyone,members,named" default:"members" doc:"who may post; who is named may in each"`
	Posters     []string `json:"posters,omitempty" maxItems:"100" doc:"addresses that may post"`
	ReplyToList bool     `json:"reply_to_list,omitempty" doc:"answers go to the list instead of the author"`
	MaxSize     int64    `json:"max_size,omitempty" minimum:"0" doc:"octets of a post; 0: as much as the server takes"`
	Owner       string   `json:"owner,omitempty" doc:"whom people and programs write about the list"`
}

// ListMember is a member of a mailing list.
type ListMember struct {
	Address    string     `json:"address"`
	Status     string     `json:"status" enum:"active,unsubscribed,bouncing,complained" doc:"only active members get posts"`
	Since      time.Time  `json:"since" doc:"has the status"`
	Bounces    int        `json:"bounces" doc:"hard ones in a row; the third ends delivery"`
	LastBounce *time.Time `json:"last_bounce,omitempty"`
	Diagnostic string     `json:"diagnostic,omitempty" doc:"what the last bounce said"`
}

// NewMembers are addresses that become members.
type NewMembers struct {
	Addresses []string `json:"addresses" minItems:"1" maxItems:"5000"`
}

// AddedMembers says how many have become members.
type AddedMembers struct {
	Added int `json:"added" doc:"the others were members already, or have left"`
}

type listInput struct {
	Address string `path:"address" doc:"dev@example.com"`
}

type listMemberInput struct {
	Address string `path:"address" doc:"dev@example.com"`
	Member  string `path:"member" maxLength:"320"`
}

func showList(l lists.List) MailingList {
	x := MailingList{Address: l.Address.String(), ID: l.Identifier(), Created: l.Created, Members: l.Members, Active: l.Active, ListSettings: ListSettings{
		Name: l.Name, Post: string(l.Post), ReplyToList: l.ReplyToList, MaxSize: l.MaxSize,
	}}
	if !l.Owner.IsNull() {
		x.Owner = l.Owner.String()
	}
	for _, a := range l.Posters {
		x.Posters = append(x.Posters, a.String())
	}
	return x
}

// apply writes the settings into a list.
func (x ListSettings) apply(l *lists.List) (err error) {
	l.Name, l.Post, l.ReplyToList, l.MaxSize, l.Owner = strings.TrimSpace(x.Name), lists.Posting(x.Post), x.ReplyToList, x.MaxSize, gomail.Address{}
	if x.Owner != "" {
		if l.Owner, err = gomail.ParseAddress(x.Owner); err != nil {
			return err
		}
	}
	l.Posters, err = parseAddresses(x.Posters)
	return err
}

func parseAddresses(texts []string) (all []gomail.Address, err error) {
	for _, text := range texts {
		a, err := gomail.ParseAddress(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func showMember(m lists.Member) ListMember {
	x := ListMember{Address: m.Address.String(), Status: string(m.Status), Since: m.Since, Bounces: m.Bounces, Diagnostic: m.Diagnostic}
	if !m.LastBounce.IsZero() {
		x.LastBounce = &m.LastBounce
	}
	return x
}

func (a *API) registerLists(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-lists", http.MethodGet, "/lists", "The mailing lists in the domains that you manage"),
		func(ctx context.Context, _ *struct{}) (*list[MailingList], error) {
			all, err := a.config.Lists.All(ctx)
			p := principal(ctx)
			return listOf(slices.DeleteFunc(all, func(l lists.List) bool { return !p.Manages(l.Address.Domain) }), err, showList)
		})
	huma.Register(h, scoped(ofAnyone, "add-list", http.MethodPost, "/lists", "Make a mailing list"), a.addList)
	huma.Register(h, scoped(ofAnyone, "get-list", http.MethodGet, "/lists/{address}", "A mailing list"),
		func(ctx context.Context, in *listInput) (*one[MailingList], error) {
			l, err := a.findList(ctx, in.Address)
			return oneOf(l, err, showList)
		})
	huma.Register(h, scoped(ofAnyone, "change-list", http.MethodPut, "/lists/{address}", "Change what a mailing list is, but for its address"), a.changeList)
	huma.Register(h, scoped(ofAnyone, "remove-list", http.MethodDelete, "/lists/{address}", "Remove a mailing list with its members"),
		func(ctx context.Context, in *listInput) (*struct{}, error) {
			l, err := a.findList(ctx, in.Address)
			if err == nil {
				err = a.config.Lists.Remove(ctx, l.Address)
			}
			return nil, problem(err)
		})
	a.registerMembers(h)
}

func (a *API) registerMembers(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-members", http.MethodGet, "/lists/{address}/members", "The members of a mailing list"), a.listMembers)
	huma.Register(h, scoped(ofAnyone, "add-members", http.MethodPost, "/lists/{address}/members", "Add members to a mailing list"), a.addMembers)
	huma.Register(h, scoped(ofAnyone, "remove-member", http.MethodDelete, "/lists/{address}/members/{member}", "Remove a member from a mailing list"),
		func(ctx context.Context, in *listMemberInput) (*struct{}, error) {
			l, member, err := a.findMember(ctx, in)
			if err == nil {
				err = a.config.Lists.RemoveMember(ctx, l, member)
			}
			return nil, problem(err)
		})
	huma.Register(h, scoped(ofAnyone, "resume-member", http.MethodPost, "/lists/{address}/members/{member}/resume", "Let a member get posts again who has left, complained or bounced"),
		func(ctx context.Context, in *listMemberInput) (*one[ListMember], error) {
			l, member, err := a.findMember(ctx, in)
			if err != nil {
				return nil, problem(err)
			}
			m, err := a.config.Lists.Resume(ctx, l, member)
			return oneOf(m, err, showMember)
		})
}

// findList returns a list that the principal may manage.
func (a *API) findList(ctx context.Context, text string) (lists.List, error) {
	address, err := gomail.ParseAddress(text)
	if err == nil {
		err = mayManage(ctx, address)
	}
	if err != nil {
		return lists.List{}, err
	}
	return a.config.Lists.Get(ctx, address)
}

func (a *API) findMember(ctx context.Context, in *listMemberInput) (lists.List, gomail.Address, error) {
	l, err := a.findList(ctx, in.Address)
	if err != nil {
		return l, gomail.Address{}, err
	}
	member, err := gomail.ParseAddress(in.Member)
	return l, member, err
}

func (a *API) addList(ctx context.Context, in *struct{ Body NewList }) (*one[MailingList], error) {
	address, err := gomail.ParseAddress(in.Body.Address)
	if err == nil {
		err = mayManage(ctx, address)
	}
	l := lists.List{Address: address}
	if err == nil {
		err = in.Body.apply(&l)
	}
	if err == nil {
		l, err = a.config.Lists.Add(ctx, l)
	}
	return oneOf(l, err, showList)
}

func (a *API) changeList(ctx context.Context, in *struct {
	Address string `path:"address" doc:"dev@example.com"`
	Body    ListSettings
}) (*one[MailingList], error) {
	l, err := a.findList(ctx, in.Address)
	if err == nil {
		err = in.Body.apply(&l)
	}
	if err == nil {
		err = a.config.Lists.Update(ctx, l)
	}
	return oneOf(l, err, showList)
}

func (a *API) listMembers(ctx context.Context, in *struct {
	Address string `path:"address" doc:"dev@example.com"`
	After   string `query:"after" maxLength:"320" doc:"an address: those after it"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"members"`
}) (*list[ListMember], error) {
	l, err := a.findList(ctx, in.Address)
	if err != nil {
		return nil, problem(err)
	}
	all, err := a.config.Lists.Members(ctx, l, in.After, in.Limit)
	return listOf(all, err, showMember)
}

func (a *API) addMembers(ctx context.Context, in *struct {
	Address string `path:"address" doc:"dev@example.com"`
	Body    NewMembers
}) (*one[AddedMembers], error) {
	l, err := a.findList(ctx, in.Address)
	var addresses []gomail.Address
	if err == nil {
		addresses, err = parseAddresses(in.Body.Addresses)
	}
	n := 0
	if err == nil {
		n, err = a.config.Lists.AddMembers(ctx, l, addresses)
	}
	return oneOf(AddedMembers{n}, err, same)
}
