package firstaid

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/brands"
	aid "mimamori/firstaid"
	"mimamori/geo"
	"mimamori/support"
	"mimamori/web"
)

// View is what the pages show.
type View struct {
	Step     string
	Number   int
	Entered  Entered
	Problem  string // catalogue: problem.<Problem>
	Sentence string // catalogue: sentence.<Sentence>
	Offline  bool
	Public   bool
	Hidden   []Field

	Services []Service // to choose from
	Brand    *brands.Brand
	Screens  []ScreenView
	Sources  []brands.Fact // behind what the page says of the service

	Own      string // her address; empty: not known
	OwnTyped bool
	OwnPlace geo.Place

	Picture *aid.Picture
	Odd     []Numbered // do not fit, or did not get in, or to look at
	Fitting []Numbered
	Groups  []Group // what does not fit, by where it came from
	Map     *drawnMap
	Credits []geo.Source
	More    bool

	Tasks  []aid.Task
	Lines  []support.Line
	Abroad bool
	Now    time.Time
}

// Service is a choice of the list.
type Service struct {
	ID, Name string
	Full     bool // first aid knows its screens
}

// Numbered is a row with its place in the paste, from 1.
type Numbered struct {
	N int
	aid.Row
}

// Group is several rows from the same place.
type Group struct {
	Count int
	Place geo.Place
	Bare  bool // no address: the page told none
}

// ScreenView is one of the three screens (and the message centre).
type ScreenView struct {
	Kind  string // logins, purchases, contact, messages
	Known bool
	Words mimamori.Text
	Menus []string
	Fact  brands.Fact
	Pic   *drawing
}

// own fields of each step: all others travel hidden.
var ownFields = map[string][]string{
	"start": {"happened", "service"}, "mail": {"gave"}, "screens": {"history", "own", "service"}, "urgent": {"done", "from"}, "record": {"notes"},
}

// fill puts together what a step shows.
func (s *site) fill(v *View, seen netip.Addr, page *web.Page) {
	e := v.Entered
	v.Hidden, v.Now = e.Hidden(ownFields[v.Step]...), page.Clock.Now
	v.Brand = s.brand(e.Service)
	own, typed := s.own(e, seen)
	v.OwnTyped = typed
	if own.IsValid() {
		v.Own, v.OwnPlace = own.String(), s.opt.Geo.Lookup(own)
	}
	v.Services = s.services(page.Lang)
	if v.Step == "mail" || v.Step == "start" {
		v.screens()
		return
	}
	s.history(v, own)
	v.screens()
	v.Tasks = aid.Urgent(story(e, v.Picture))
	if v.Brand != nil {
		country := "JP"
		if v.OwnPlace.Country != "" {
			country = v.OwnPlace.Country
		}
		switch e.From {
		case "JP":
			country = "JP"
		case "abroad":
			if country == "JP" {
				country = ""
			}
		}
		v.Abroad = country != "JP"
		v.Lines = v.Brand.Directory().Now(v.Now, country, page.Lang)
	}
}

// services are the brands to choose from, those whose screens are known first.
// Examples (their domains end in .example) are left out.
func (s *site) services(lang mimamori.Lang) []Service {
	var out []Service
	for _, b := range s.opt.Brands {
		if strings.HasSuffix(b.NoticeDomains[0], ".example") {
			continue
		}
		name := b.Names[0]
		if lang == mimamori.English {
			for _, n := range b.Names {
				if n[0] < 0x80 {
					name = n
					break
				}
			}
		}
		out = append(out, Service{ID: b.ID, Name: name, Full: b.Screens.Logins.Known() || len(b.Contacts) > 0})
	}
	slices.SortStableFunc(out, func(a, b Service) int {
		if a.Full != b.Full {
			return map[bool]int{true: -1, false: 1}[a.Full]
		}
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return out
}

// history reads and explains what she pasted.
func (s *site) history(v *View, own netip.Addr) {
	if strings.TrimSpace(v.Entered.History) == "" {
		return
	}
	h := aid.Read(v.Entered.History, v.Now, s.opt.Zone)
	p := aid.Explain(h, aid.Seen{IP: own}, s.opt.Geo)
	v.Picture, v.More = &p, h.More
	for i, r := range p.Rows {
		if n := (Numbered{i + 1, r}); r.Fit == aid.Fits {
			v.Fitting = append(v.Fitting, n)
		} else {
			v.Odd = append(v.Odd, n)
		}
		if r.Fit == aid.Odd {
			v.group(r)
		}
	}
	rank := map[aid.Fit]int{aid.Odd: 0, aid.Unsure: 1, aid.Stopped: 2}
	slices.SortStableFunc(v.Odd, func(a, b Numbered) int { return rank[a.Fit] - rank[b.Fit] })
	slices.SortStableFunc(v.Groups, func(a, b Group) int { return b.Count - a.Count })
	v.Map, v.Credits = draw(p.Rows), s.opt.Geo.Credits()
}

func (v *View) group(r aid.Row) {
	for i, g := range v.Groups {
		if g.Place.Country == r.Place.Country && g.Place.ASN == r.Place.ASN && g.Place.Kind == r.Place.Kind {
			v.Groups[i].Count++
			return
		}
	}
	v.Groups = append(v.Groups, Group{Count: 1, Place: r.Place, Bare: !r.Address.IP.IsValid()})
}

// screens lists where each screen is, with the day that somebody said so.
func (v *View) screens() {
	b := v.Brand
	known := brands.Screens{}
	if b != nil {
		known = b.Screens
		for _, f := range b.Facts {
			if !strings.HasSuffix(f.Field, "_domains") {
				v.Sources = append(v.Sources, f)
			}
		}
	}
	for _, k := range []struct {
		kind   string
		screen brands.Screen
	}{{"logins", known.Logins}, {"purchases", known.Purchases}, {"contact", known.Contact}, {"messages", known.Messages}} {
		if k.kind == "messages" && !k.screen.Known() {
			continue
		}
		sv := ScreenView{Kind: k.kind, Known: k.screen.Known(), Words: k.screen.Text(), Menus: k.screen.Path}
		if b != nil {
			sv.Fact = fact(*b, "screens."+k.kind)
			if len(k.screen.Path) > 0 {
				sv.Pic = picture(b.LinkDomains[0], k.screen.Path)
			}
		}
		v.Screens = append(v.Screens, sv)
	}
}

// fact is where a field of a brand comes from.
func fact(b brands.Brand, field string) brands.Fact {
	for _, f := range b.Facts {
		if f.Field == field {
			return f
		}
	}
	return brands.Fact{}
}

// Fact gives the templates the date and source of a field.
func (v View) Fact(field string) brands.Fact {
	if v.Brand == nil {
		return brands.Fact{}
	}
	return fact(*v.Brand, field)
}

// Site is the address that she types; empty when the service is not known.
func (v View) Site() string {
	if v.Brand == nil {
		return ""
	}
	return v.Brand.LinkDomains[0]
}

// Name is the service as people call it.
func (v View) Name() string {
	if v.Brand == nil {
		return ""
	}
	return v.Brand.Names[0]
}

// Steps are the pages in order, as are the lists of choices below.
func (v View) Steps() []string      { return steps }
func (v View) Happenings() []string { return []string{"mail", "locked", "acts"} }
func (v View) Givings() []string    { return []string{"password", "card"} }
func (v View) AtHand() []string     { return []string{"id", "mail", "list", "never"} }
