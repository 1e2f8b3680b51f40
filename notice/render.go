package notice

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"
	"unicode/utf8"

	"mimamori"
)

// texts holds one file a kind and language, and per language frame.txt with
// what all share. In a block each line is a line of the mail, and lines left
// empty by a condition vanish; in block "now" a line that begins with "* " is
// an action and gets its number.
//
//go:embed text
var texts embed.FS

// parsed are the embedded texts, read once: they never change while we run.
var parsed = sync.OnceValues(func() (map[string]*template.Template, error) {
	all := map[string]*template.Template{}
	for _, lang := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		for _, k := range append(slices.Clone(Kinds), Code, "short") {
			name := string(lang) + "/" + string(k)
			t, err := template.ParseFS(texts, "text/"+string(lang)+"/frame.txt", "text/"+name+".txt")
			if err != nil {
				return nil, err
			}
			all[name] = t
		}
	}
	return all, nil
})

// maxActions is how many actions a frightened reader is asked for.
const maxActions = 3

// Render writes the notice of a kind in a language. The same facts give the
// same text. It fails with mimamori.ErrInvalid on an unknown kind or when a
// required fact is missing.
func Render(k Kind, lang mimamori.Lang, f Facts) (Rendered, error) {
	if !slices.Contains(Kinds, k) && k != Code {
		return Rendered{}, fmt.Errorf("render notice: unknown kind: %w", mimamori.ErrInvalid)
	}
	if f.Shop.In(lang) == "" || f.NoticeDomain == "" {
		return Rendered{}, fmt.Errorf("render notice %s: no shop name or notice domain: %w", k, mimamori.ErrInvalid)
	}
	if lang != mimamori.English {
		lang = mimamori.Japanese
	}
	name := string(k)
	if k != Contained { // only there is it certain whose acts set them off
		f.OrdinaryMails = nil
	}
	switch {
	case k == ContactChangedNew:
		f = f.forStranger()
	case f.MailboxInDoubt:
		f, name = f.forStranger(), "short"
	}
	all, err := parsed()
	if err != nil {
		return Rendered{}, fmt.Errorf("render notice %s: %w", k, err)
	}
	t := all[string(lang)+"/"+name]
	v := newView(f, lang)
	// A frightened reader reaches the actions or stops reading. What is left
	// out of an overlong notice stands in the security centre.
	var r Rendered
	for _, leaveOut := range []func(){func() {}, func() { v.Device = "" }, func() { v.Place = "" }, func() { v.Reason = "" }} {
		leaveOut()
		var before int
		if r, before, err = write(t, v); err != nil || before <= maxBefore(lang) {
			break
		}
	}
	return r, err
}

// maxBefore is how many characters may stand before the actions.
func maxBefore(l mimamori.Lang) int {
	if l == mimamori.English {
		return 1000
	}
	return 400
}

// forStranger keeps only what the reader of any mailbox may know. Who set a
// contact himself reads it, and must learn nothing of what we noticed (C10).
func (f Facts) forStranger() Facts {
	return Facts{
		Shop: f.Shop, Centre: f.Centre, CentreDomain: f.CentreDomain, NoticeDomain: f.NoticeDomain,
		Contacts: f.Contacts, Zone: f.Zone, Reference: f.Reference, WrittenAt: f.WrittenAt,
	}
}

// write fills the texts in, and counts the characters before the actions.
func write(t *template.Template, v view) (r Rendered, before int, err error) {
	var failed error
	block := func(name string) []string {
		var b strings.Builder
		if err := t.ExecuteTemplate(&b, name, v); err != nil && failed == nil {
			failed = fmt.Errorf("render notice: %w", err)
		}
		var lines []string
		for _, line := range strings.Split(b.String(), "\n") {
			if line = strings.TrimRight(line, " "); strings.TrimSpace(line) != "" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	var body []string
	add := func(heading string, lines ...string) {
		if heading != "" {
			body = append(body, block(heading)...)
		}
		body = append(append(body, lines...), "")
	}
	now, err := numbered(block("now"))
	if err != nil {
		return Rendered{}, 0, err
	}
	add("", block("greeting")...)
	add("", block("lead")...)
	add("heading.happened", block("happened")...)
	add("heading.did", block("did")...)
	before = utf8.RuneCountInString(strings.Join(body, ""))
	add("heading.now", now...)
	for _, name := range []string{"after", "calls", "about"} {
		if lines := block(name); len(lines) > 0 {
			add("", lines...)
		}
	}
	add("heading.proof", block("proof")...)
	body = append(body, block("signature")...)
	subject := strings.Join(block("subject.frame"), " ")
	if failed != nil {
		return Rendered{}, 0, failed
	}
	return Rendered{Subject: subject, Body: strings.Join(body, "\n") + "\n"}, before, nil
}

func numbered(lines []string) ([]string, error) {
	n := 0
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "* "); ok {
			n++
			lines[i] = fmt.Sprintf("%d. %s", n, rest)
		}
	}
	if n == 0 || n > maxActions {
		return nil, fmt.Errorf("render notice: %d actions: %w", n, mimamori.ErrInvalid)
	}
	return lines, nil
}

// view is what the texts see: words only, all of them clean.
type view struct {
	Shop, Centre, CentreDomain, NoticeDomain string
	Name, At, Place, Device, Reason, Step    string
	Reverted, Cancelled, Unfinished, Person  string
	PointsFrozen                             bool
	Mails, Agreed                            []string
	MoreMails                                int
	WaitUntil, Wait                          string
	Shortened, StrongSkip, PasswordInvalid   bool
	CallFirst                                bool
	Points, Balance                          string
	Contacts                                 []string
	Reference, AtExact, WrittenExact         string
	Code                                     string
	Underway                                 bool
	Changed                                  string
	Day, NextDay, More                       int
	Watch                                    string
}

func newView(f Facts, l mimamori.Lang) view {
	centre := cmp.Or(f.Centre.In(l), mimamori.Text{JA: "セキュリティセンター", EN: "Security Centre"}.In(l))
	v := view{
		Shop: own(f.Shop.In(l), 40), Centre: own(centre, 40), NoticeDomain: spelled(f.NoticeDomain, l),
		Name: personName(f.Customer, l), Place: outside(f.Place, maxPlace, l), Device: outside(f.Device, maxDevice, l),
		Reason: sentence(f.Reason.In(l), room(maxReason, l)), Step: sentence(f.Step.In(l), room(maxReason, l)),
		Reverted: list(f.Acts, Reverted, l), Cancelled: list(f.Acts, Cancelled, l), Person: list(f.Acts, Person, l),
		Unfinished: list(f.Acts, Underway, l), Underway: f.Underway,
		PointsFrozen: slices.ContainsFunc(f.Acts, func(a Act) bool { return a.Outcome == Frozen }),
		Shortened:    f.Shortened, StrongSkip: f.StrongSkip, PasswordInvalid: f.PasswordInvalid, CallFirst: f.CallFirst,
		Contacts: contacts(f.Contacts, l), Reference: f.Reference.String(), Code: f.Code,
		Changed: changed(f.Changed, l), Day: f.Day, NextDay: f.NextDay, More: max(f.More, 1), Watch: days(f.WatchFor, l),
	}
	for _, a := range f.Agreed[:min(len(f.Agreed), maxAgreed)] {
		if said := sentence(a.In(l), room(maxReason, l)); said != "" {
			v.Agreed = append(v.Agreed, said)
		}
	}
	if f.CentreDomain != "" {
		v.CentreDomain = spelled(f.CentreDomain, l)
	}
	z := findZone(f.Zone)
	v.At, v.AtExact = moment(f.At, z, l)
	v.WaitUntil, _ = moment(wholeMinute(f.WaitUntil), z, l)
	_, v.WrittenExact = moment(f.WrittenAt, z, l)
	if f.Wait > 0 {
		v.Wait = long(f.Wait, l)
	}
	if f.Points > 0 {
		v.Points = number(f.Points)
	}
	if f.Balance > 0 {
		v.Balance = number(f.Balance)
	}
	for _, m := range f.OrdinaryMails {
		subject := outside(m, maxMail, l)
		if subject == "" || slices.Contains(v.Mails, subject) {
			continue
		}
		if len(v.Mails) == 6 {
			v.MoreMails++
			continue
		}
		v.Mails = append(v.Mails, subject)
	}
	return v
}

// moment is a time in words and, for machines and the police report, in RFC
// 3339; both empty for the zero time.
func moment(t time.Time, z zone, l mimamori.Lang) (words, exact string) {
	if t.IsZero() {
		return "", ""
	}
	return when(t, z, l), t.In(z.place).Format(time.RFC3339)
}

// wholeMinute rounds up: a reader who comes at the minute named is not early.
func wholeMinute(t time.Time) time.Time {
	if whole := t.Truncate(time.Minute); !whole.Equal(t) {
		return whole.Add(time.Minute)
	}
	return t
}

func contacts(list []Contact, l mimamori.Lang) []string {
	var out []string
	for _, c := range list {
		number := phone(c.Number)
		if number == "" || len(out) == 3 {
			continue
		}
		var notes []string
		if c.Free {
			notes = append(notes, mimamori.Text{JA: "通話無料", EN: "free of charge"}.In(l))
		}
		if hours := own(c.Hours.In(l), 40); hours != "" {
			notes = append(notes, hours)
		}
		line := strings.TrimSpace(own(c.From.In(l), 30) + " " + number)
		switch {
		case len(notes) == 0:
		case l == mimamori.English:
			line += " (" + strings.Join(notes, ", ") + ")"
		default:
			line += "（" + strings.Join(notes, "、") + "）"
		}
		out = append(out, line)
	}
	return out
}
