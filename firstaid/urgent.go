package firstaid

import "slices"

// Story is what happened to her, as far as she told or it was found.
type Story struct {
	Mail   bool // a mail came
	Locked bool // she cannot sign in
	Acts   bool // things were done that she did not do

	Verdict      string // of the mail: genuine, fake, unconfirmed; empty: not looked at
	GavePassword bool   // she typed her password on a page that the mail led to
	GaveCard     bool   // she typed a card there
	OddLogins    int    // of her history, lines that do not fit
	Unsure       int    // and lines to look at
}

// Deed is something that she does.
type Deed string

// The deeds.
const (
	ChangePassword Deed = "password"
	AddSecondStep  Deed = "second"
	SignOutOthers  Deed = "signout"
	Call           Deed = "call"
	CardCompany    Deed = "card"
	OtherSites     Deed = "others"
	Look           Deed = "look"    // at the three screens
	Mailbox        Deed = "mailbox" // whoever reads her mail resets every password
	LeaveMail      Deed = "leave"   // press nothing in the mail
)

// Haste is when to do it.
type Haste string

// The hastes, the nearest first.
const (
	Now   Haste = "now"
	Today Haste = "today"
	Soon  Haste = "soon"
)

// Task is a deed with its haste. Why are keys of reasons: acts, locked,
// gave_password, gave_card, odd, unsure, fake, genuine, unconfirmed.
type Task struct {
	Deed  Deed
	Haste Haste
	Why   []string
}

// Intruder says that somebody may be in, or may come in at any moment.
func (s Story) Intruder() bool {
	return s.Acts || s.OddLogins > 0 || s.GavePassword || s.Verdict == "genuine" && s.Mail
}

// Urgent puts what is to be done in order: the password first, for it shuts
// the door; then what keeps it shut; then whom to tell. Where orders were made
// calling comes before the second step, for only what is not yet shipped can
// be stopped; where a card was given away its company comes first.
func Urgent(s Story) []Task {
	why := s.reasons()
	if !s.Intruder() && !s.Locked && !s.GaveCard {
		return s.calm(why)
	}
	haste := map[Deed]Haste{ChangePassword: Now, SignOutOthers: Now, AddSecondStep: Today, Call: Today, CardCompany: Today, OtherSites: Today, Mailbox: Today, Look: Today}
	order := []Deed{ChangePassword, AddSecondStep, SignOutOthers, Call, CardCompany, OtherSites, Mailbox, Look}
	first := func(d Deed, at int) {
		haste[d] = Now
		order = slices.DeleteFunc(order, func(o Deed) bool { return o == d })
		order = slices.Insert(order, at, d)
	}
	if s.Intruder() {
		haste[AddSecondStep] = Now
	}
	if s.Acts || s.Locked {
		first(Call, 1)
	}
	if s.GavePassword {
		haste[OtherSites] = Now
	}
	if s.GaveCard {
		first(CardCompany, 0)
	}
	if !s.Intruder() { // locked out, or a card given: nobody was seen inside
		haste[SignOutOthers], haste[OtherSites] = Today, Soon
	}
	if !s.Intruder() && !s.Locked {
		haste[ChangePassword], haste[Call] = Today, Soon
	}
	var out []Task
	for _, d := range order {
		out = append(out, Task{Deed: d, Haste: haste[d], Why: why[d]})
	}
	if s.Mail && s.Verdict != "genuine" {
		out = append(out, Task{Deed: LeaveMail, Haste: Now, Why: why[LeaveMail]})
	}
	return out
}

// calm is for those to whom nothing has happened as far as is seen.
func (s Story) calm(why map[Deed][]string) []Task {
	out := []Task{{Deed: Look, Haste: Today, Why: why[Look]}}
	if s.Mail {
		out = append([]Task{{Deed: LeaveMail, Haste: Now, Why: why[LeaveMail]}}, out...)
	}
	return append(out, Task{Deed: AddSecondStep, Haste: Soon}, Task{Deed: OtherSites, Haste: Soon})
}

// reasons are the keys behind each deed.
func (s Story) reasons() map[Deed][]string {
	out := map[Deed][]string{}
	say := func(when bool, key string, deeds ...Deed) {
		for _, d := range deeds {
			if when {
				out[d] = append(out[d], key)
			}
		}
	}
	say(s.GavePassword, "gave_password", ChangePassword, OtherSites)
	say(s.GaveCard, "gave_card", CardCompany)
	say(s.Acts, "acts", ChangePassword, Call, CardCompany)
	say(s.OddLogins > 0, "odd", ChangePassword, SignOutOthers)
	say(s.OddLogins == 0 && s.Unsure > 0, "unsure", Look)
	say(s.Locked, "locked", ChangePassword, Call, Mailbox)
	say(s.Mail && s.Verdict != "", s.Verdict, LeaveMail)
	say(s.Mail && s.Verdict == "genuine", "genuine", ChangePassword)
	say(s.Mail && s.Verdict == "unconfirmed", "unconfirmed", Look)
	return out
}
