package console

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

// StaffPages are the parts behind the pages about people and API keys.
type StaffPages struct {
	FourEyes *staff.FourEyes
	Keys     *staff.Gatekeeper
	// URL is how the console is reached, for the links of invitations; empty: a
	// link is made of the address that the page was asked at.
	URL string
}

func (c *console) peopleRoutes(mux *http.ServeMux) {
	if c.opt.Staff == nil {
		return
	}
	mux.HandleFunc("GET /staff", c.signedIn(c.people))
	mux.HandleFunc("POST /staff", c.signedIn(c.invitePerson))
	mux.HandleFunc("GET /staff/{id}", c.signedIn(c.person))
	mux.HandleFunc("POST /staff/{id}/invite", c.signedIn(c.inviteAgain))
	mux.HandleFunc("POST /staff/{id}/roles", c.signedIn(c.setRoles))
	mux.HandleFunc("POST /staff/{id}/own", c.signedIn(c.setOwn))
	mux.HandleFunc("POST /staff/{id}/disable", c.signedIn(c.disable))
	mux.HandleFunc("POST /staff/{id}/reset", c.signedIn(c.proposeReset))
	mux.HandleFunc("POST /resets/{id}", c.signedIn(c.decideReset))
	mux.HandleFunc("GET /invite/{token}", c.invitePage)
	mux.HandleFunc("GET /invite/{token}/qr.png", c.inviteImage)
	mux.HandleFunc("POST /invite/{token}", c.acceptInvite)
	mux.HandleFunc("POST /invite/{token}/begin", c.beginInvite)
	mux.HandleFunc("POST /invite/{token}/finish", c.finishInvite)
}

// People is the View of the list of people.
type People struct {
	People []Colleague
	Resets []Reset
	Roles  []staff.Role
	May    bool // the reader may change something
	Typed  staff.NewPerson
}

// Colleague is one person in the list.
type Colleague struct {
	staff.Person
	Passkeys int
	Invited  bool // an invitation is open
	Code     bool // a password and an authenticator are set
}

// Reset is one that waits for a second administrator.
type Reset struct {
	staff.Proposal
	Of, ByName string
	Mine       bool // asked by the reader, or about him
}

// colleagues reads everybody, and tells who asked whether he may.
func (c *console) colleagues(r *http.Request, me Reader) ([]Colleague, error) {
	if err := c.opt.Guard.Allow(r.Context(), me.Actor(), audit.LookStaff, audit.Target{}, ""); err != nil {
		return nil, err
	}
	list, err := c.opt.Desk.People(r.Context())
	if err != nil {
		return nil, err
	}
	open, err := c.opt.Desk.OpenInvites(r.Context())
	if err != nil {
		return nil, err
	}
	var out []Colleague
	for _, p := range list {
		keys, err := c.opt.Desk.OwnPasskeys(r.Context(), p.ID)
		if err != nil {
			return nil, err
		}
		of := Colleague{Person: p, Passkeys: len(keys), Code: p.HasPassword,
			Invited: slices.ContainsFunc(open, func(i staff.Invite) bool { return i.Person == p.ID })}
		out = append(out, of)
	}
	return out, nil
}

func (c *console) people(w http.ResponseWriter, r *http.Request, me Reader) {
	c.peoplePage(w, r, me, staff.NewPerson{}, "")
}

func (c *console) peoplePage(w http.ResponseWriter, r *http.Request, me Reader, typed staff.NewPerson, problem string) {
	list, err := c.colleagues(r, me)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	v := People{People: list, Roles: staff.Roles, May: me.May(audit.StaffCreate), Typed: typed}
	names := map[string]string{}
	for _, p := range list {
		names[p.ID] = p.Name
	}
	waiting, of, err := c.opt.Desk.Resets(r.Context(), c.opt.Staff.FourEyes)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	for _, p := range waiting {
		v.Resets = append(v.Resets, Reset{Proposal: p, Of: of[p.ID].Name, ByName: names[p.By], Mine: p.By == me.ID || of[p.ID].ID == me.ID})
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	c.showStatus(w, r, status, "staff", Frame{Me: me, Section: "staff", Problem: problem, V: v})
}

// Once is the View of a page that shows something secret this once.
type Once struct {
	Kind   string // invite, reset, digits, key
	Name   string
	Secret string // a link, digits or a key
	Back   string
	Until  string // catalogue key of how long it is good for; empty: says nothing
}

func (c *console) once(w http.ResponseWriter, r *http.Request, me Reader, v Once, section string) {
	c.show(w, r, "once", Frame{Me: me, Section: section, V: v})
}

// link is where an invited person goes. The address is the operator's word;
// without it, that of this page: the one who reads it is signed in here.
func (c *console) link(r *http.Request, token string) string {
	at := c.opt.Staff.URL
	if at == "" {
		at = "https://" + r.Host
		if c.opt.PlainHTTP {
			at = "http://" + r.Host
		}
	}
	return strings.TrimSuffix(at, "/") + c.opt.Base + "/invite/" + token
}

func (c *console) invitePerson(w http.ResponseWriter, r *http.Request, me Reader) {
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	n := staff.NewPerson{Login: r.PostFormValue("login"), Name: clip(strings.TrimSpace(r.PostFormValue("name")), 100),
		Roles: rolesOf(r), Lang: mimamori.Lang(r.PostFormValue("lang")), Own: accounts(r.PostFormValue("own"))}
	if n.Lang != mimamori.English {
		n.Lang = mimamori.Japanese
	}
	token, p, err := c.opt.Desk.Invite(r.Context(), c.opt.Guard, me.Actor(), n)
	if field, ok := errors.AsType[*mimamori.FieldError](err); ok {
		c.peoplePage(w, r, me, n, "staff."+field.Field)
		return
	}
	if errors.Is(err, mimamori.ErrConflict) {
		c.peoplePage(w, r, me, n, "staff.taken")
		return
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.once(w, r, me, Once{Kind: "invite", Name: p.Name, Secret: c.link(r, token), Back: "/staff"}, "staff")
}

func rolesOf(r *http.Request) []staff.Role {
	var out []staff.Role
	for _, role := range staff.Roles {
		if slices.Contains(r.PostForm["role"], string(role)) {
			out = append(out, role)
		}
	}
	return out
}

// accounts reads the shop's ids of customers, one a line; only their hashes
// are kept.
func accounts(text string) []mimamori.AccountID {
	var out []mimamori.AccountID
	for line := range strings.Lines(text) {
		if id := strings.TrimSpace(line); id != "" && len(id) <= 200 && len(out) < 20 {
			out = append(out, mimamori.NewAccountID(id))
		}
	}
	return out
}

// About is the View of one person's page.
type About struct {
	Colleague
	Roles []staff.Role
	May   bool // the reader may change something here: not at himself
	Self  bool
}

func (c *console) person(w http.ResponseWriter, r *http.Request, me Reader) {
	c.personPage(w, r, me, "")
}

func (c *console) personPage(w http.ResponseWriter, r *http.Request, me Reader, problem string) {
	list, err := c.colleagues(r, me)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	at := slices.IndexFunc(list, func(p Colleague) bool { return p.ID == r.PathValue("id") })
	if at < 0 {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	v := About{Colleague: list[at], Roles: staff.Roles, Self: list[at].ID == me.ID}
	v.May = me.May(audit.StaffRole) && !v.Self && v.DisabledAt.IsZero()
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	c.showStatus(w, r, status, "person", Frame{Me: me, Section: "staff", Problem: problem, V: v})
}

// change does something about one person and leads back to his page.
func (c *console) change(w http.ResponseWriter, r *http.Request, me Reader, said string, do func(me Reader, id, reason string) error) {
	id, reason := r.PathValue("id"), clip(strings.TrimSpace(r.PostFormValue("reason")), 200)
	if reason == "" {
		c.personPage(w, r, me, "why")
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	err := do(me, id, reason)
	if field, ok := errors.AsType[*mimamori.FieldError](err); ok {
		c.personPage(w, r, me, "staff."+field.Field)
		return
	}
	if errors.Is(err, staff.ErrAlone) {
		c.personPage(w, r, me, "alone")
		return
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	if said != "" {
		c.back(w, r, "/staff/"+id, said)
	}
}

func (c *console) inviteAgain(w http.ResponseWriter, r *http.Request, me Reader) {
	c.change(w, r, me, "", func(me Reader, id, _ string) error {
		token, err := c.opt.Desk.InviteAgain(r.Context(), c.opt.Guard, me.Actor(), id)
		if err == nil {
			c.once(w, r, me, Once{Kind: "invite", Secret: c.link(r, token), Back: "/staff/" + id}, "staff")
		}
		return err
	})
}

func (c *console) setRoles(w http.ResponseWriter, r *http.Request, me Reader) {
	c.change(w, r, me, "roles", func(me Reader, id, reason string) error {
		return c.opt.Desk.SetRoles(r.Context(), c.opt.Guard, me.Actor(), id, rolesOf(r), reason)
	})
}

func (c *console) setOwn(w http.ResponseWriter, r *http.Request, me Reader) {
	c.change(w, r, me, "own", func(me Reader, id, reason string) error {
		return c.opt.Desk.SetOwn(r.Context(), c.opt.Guard, me.Actor(), id, accounts(r.PostFormValue("own")), reason)
	})
}

func (c *console) disable(w http.ResponseWriter, r *http.Request, me Reader) {
	c.change(w, r, me, "disabled", func(me Reader, id, reason string) error {
		return c.opt.Desk.Disable(r.Context(), c.opt.Guard, me.Actor(), id, reason)
	})
}

func (c *console) proposeReset(w http.ResponseWriter, r *http.Request, me Reader) {
	c.change(w, r, me, "", func(me Reader, id, reason string) error {
		digits, err := c.opt.Desk.ProposeReset(r.Context(), c.opt.Staff.FourEyes, me.Actor(), id, reason)
		if err == nil {
			c.once(w, r, me, Once{Kind: "digits", Secret: digits, Back: "/staff"}, "staff")
		}
		return err
	})
}

func (c *console) decideReset(w http.ResponseWriter, r *http.Request, me Reader) {
	reason := clip(strings.TrimSpace(r.PostFormValue("reason")), 200)
	if reason == "" {
		c.peoplePage(w, r, me, staff.NewPerson{}, "why")
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	id := r.PathValue("id")
	if r.PostFormValue("answer") != "approve" {
		if _, err := c.opt.Staff.FourEyes.Decline(r.Context(), me.Actor(), id, reason); err != nil {
			c.fail(w, r, me, err)
			return
		}
		c.back(w, r, "/staff", "declined")
		return
	}
	token, p, err := c.opt.Desk.ApproveReset(r.Context(), c.opt.Staff.FourEyes, me.Actor(), id, reason)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.once(w, r, me, Once{Kind: "reset", Name: p.Name, Secret: c.link(r, token), Back: "/staff"}, "staff")
}

// Invite is the View of the page of an invitation.
type Invite struct {
	staff.Invited
	Setup
	Token    string
	Passkeys bool
	Problem  string
}

func (c *console) invited(w http.ResponseWriter, r *http.Request) (staff.Invited, bool) {
	if !tokenPath(r.PathValue("token")) {
		c.pages.Render(w, http.StatusNotFound, "invite_gone", c.pages.New(r, nil))
		return staff.Invited{}, false
	}
	in, err := c.opt.Desk.Invited(r.Context(), r.PathValue("token"))
	if errors.Is(err, mimamori.ErrNotFound) {
		c.pages.Render(w, http.StatusNotFound, "invite_gone", c.pages.New(r, nil))
		return in, false
	}
	if err != nil {
		c.pages.Fail(w, r, err)
		return in, false
	}
	return in, true
}

func (c *console) invitePage(w http.ResponseWriter, r *http.Request) {
	if in, ok := c.invited(w, r); ok {
		c.showInvite(w, r, in, http.StatusOK, "")
	}
}

func (c *console) showInvite(w http.ResponseWriter, r *http.Request, in staff.Invited, status int, problem string) {
	v := Invite{Invited: in, Token: r.PathValue("token"), Passkeys: c.opt.Desk.Passkeys(), Problem: problem,
		Setup: Setup{Secret: spaced(in.Secret), Link: template.URL(in.URL)}} //nolint:gosec // made by code.URL
	c.pages.Render(w, status, "invite", c.pages.New(r, v))
}

func (c *console) inviteImage(w http.ResponseWriter, r *http.Request) {
	if in, ok := c.invited(w, r); ok {
		c.image(w, r, in.URL)
	}
}

func (c *console) acceptInvite(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	in, ok := c.invited(w, r)
	if !ok {
		return
	}
	typed := staff.Accept{Digits: r.PostFormValue("digits"), Password: r.PostFormValue("password"), Code: r.PostFormValue("code")}
	token, _, err := c.opt.Desk.AcceptInvite(r.Context(), r.PathValue("token"), typed, c.place(r))
	c.cameIn(w, r, in, token, err)
}

// cameIn ends an invitation that was taken up, or says what was wrong.
func (c *console) cameIn(w http.ResponseWriter, r *http.Request, in staff.Invited, token string, err error) {
	field, wrong := errors.AsType[*mimamori.FieldError](err)
	switch {
	case wrong:
		c.showInvite(w, r, in, http.StatusBadRequest, field.Field)
	case errors.Is(err, mimamori.ErrNotFound):
		c.pages.Render(w, http.StatusNotFound, "invite_gone", c.pages.New(r, nil))
	case errors.Is(err, mimamori.ErrDenied): // local sign-in is for administrators here
		c.back(w, r, "/sign-in", "")
	case err != nil:
		c.pages.Fail(w, r, err)
	default:
		c.setCookie(w, sessionCookie, token)
		c.back(w, r, "/me", "welcome")
	}
}

func (c *console) beginInvite(w http.ResponseWriter, r *http.Request) {
	said, err := readScript(w, r)
	if err != nil || !tokenPath(r.PathValue("token")) {
		c.answer(w, r, nil, mimamori.ErrInvalid)
		return
	}
	options, err := c.opt.Desk.BeginInvitePasskey(r.Context(), r.PathValue("token"), said.Digits)
	c.answer(w, r, options, err)
}

func (c *console) finishInvite(w http.ResponseWriter, r *http.Request) {
	said, err := readScript(w, r)
	if err != nil || !tokenPath(r.PathValue("token")) {
		c.answer(w, r, nil, mimamori.ErrInvalid)
		return
	}
	token, _, err := c.opt.Desk.FinishInvitePasskey(r.Context(), r.PathValue("token"), said.Name, said.Credential, c.place(r))
	if err == nil {
		c.setCookie(w, sessionCookie, token)
	}
	c.answer(w, r, nil, err)
}
