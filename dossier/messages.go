package dossier

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"mimamori"
	"mimamori/notice"
	"mimamori/web/centre"
)

// Messages are all notices ever sent, newest first.
func (d *Desk) Messages(ctx context.Context, v centre.Visitor) ([]centre.NoticeRow, error) {
	s, err := d.visitor(ctx, v)
	if err != nil {
		return nil, err
	}
	all, err := d.opt.Store.Notices(ctx, s.Account)
	if err != nil {
		return nil, err
	}
	out := []centre.NoticeRow{}
	for _, n := range all {
		row := d.row(n)
		row.Body, row.Subject = "", listed(row.Subject)
		out = append(out, row)
	}
	return out, nil
}

// Message is one notice whole, the very text that was mailed; it counts as
// read from now on.
func (d *Desk) Message(ctx context.Context, v centre.Visitor, id string) (centre.NoticeRow, error) {
	s, err := d.visitor(ctx, v)
	if err != nil {
		return centre.NoticeRow{}, err
	}
	n, err := d.opt.Store.NoticeByID(ctx, s.Account, id)
	if err != nil {
		return centre.NoticeRow{}, err
	}
	if n.ReadAt.IsZero() {
		if err := d.opt.Store.MarkNotice(ctx, s.Account, id, notice.Mark{Read: time.Now().UTC()}); err != nil {
			return centre.NoticeRow{}, err
		}
	}
	return d.row(n), nil
}

// listed is a subject without the shop's name and the number, which stand
// beside it in a list.
func listed(subject string) string {
	for _, close := range []string{"】", "] "} {
		if at := strings.Index(subject, close); at >= 0 && at < 60 {
			subject = subject[at+len(close):]
			break
		}
	}
	for _, open := range []string{"（お知らせ番号 ", " (notice number "} {
		subject, _, _ = strings.Cut(subject, open)
	}
	return subject
}

func (d *Desk) row(n notice.Notice) centre.NoticeRow {
	at := n.SentAt
	if at.IsZero() {
		at = n.CreatedAt
	}
	to := []string{n.To}
	if n.State == notice.Kept { // over the cap: it stands here and was not mailed
		to = nil
	}
	return centre.NoticeRow{ID: n.ID, Reference: n.Reference.String(), SentAt: at, To: to, From: d.opt.Post.From.Addr,
		Subject: n.Subject, Body: n.Body, Read: !n.ReadAt.IsZero()}
}

// Reference answers what stands behind a code: to its own signed-in customer
// the whole notice, to anybody else only that we sent it, and when. A wrong
// code and somebody's code that was never given out look alike, and tries are
// few (standards G09).
func (d *Desk) Reference(ctx context.Context, v centre.Visitor, code string) (centre.NoticeRow, error) {
	if !d.opt.References.Take(v.IP, time.Now()) {
		return centre.NoticeRow{}, mimamori.ErrUnavailable // "try again later", never "perhaps a fake"
	}
	ref, err := notice.ParseReference(code)
	if err != nil {
		return centre.NoticeRow{}, mimamori.ErrNotFound
	}
	n, err := d.opt.Store.NoticeByReference(ctx, ref)
	if err != nil {
		return centre.NoticeRow{}, err
	}
	if s, err := d.visitor(ctx, v); err == nil && s.Account == n.AccountID {
		return d.row(n), nil
	}
	at := n.SentAt
	if at.IsZero() {
		at = n.CreatedAt
	}
	return centre.NoticeRow{Reference: n.Reference.String(), SentAt: at, From: d.opt.Post.From.Addr}, nil
}

// Help lists whom to call, those who answer now first.
func (d *Desk) Help(_ context.Context, v centre.Visitor) (centre.Help, error) {
	country := d.opt.Geo.Lookup(v.IP).Country
	if country == "" {
		country = "JP"
	}
	return centre.Help{Calls: d.calls(country, v.Lang), CallBack: len(d.windows(time.Now())) > 0, UnknownOrders: d.opt.Brand.Theme.UnknownOrders}, nil
}

func (d *Desk) calls(country string, lang mimamori.Lang) []centre.CallNow {
	var out []centre.CallNow
	for _, l := range d.directory().Now(time.Now(), country, lang) {
		c := centre.CallNow{Country: l.Country, Number: l.Number.Number, Free: l.Free, Open: l.Open, Until: l.Until, Hours: l.Text}
		if !l.Open {
			c.Until = l.Opens
		}
		if c.Country == "*" {
			c.Country = ""
		}
		for _, x := range l.Languages {
			c.Languages = append(c.Languages, mimamori.ParseLang(x))
		}
		out = append(out, c)
	}
	return out
}

// Ours is the public page of our senders, domains and numbers.
func (d *Desk) Ours(context.Context) (centre.Ours, error) {
	return centre.Ours{Senders: []string{d.opt.Post.From.Addr}, MailDomains: d.opt.Brand.NoticeDomains, LinkDomains: d.opt.Brand.LinkDomains,
		Numbers: d.calls("JP", mimamori.Japanese)}, nil
}

// LookupIP explains an address.
func (d *Desk) LookupIP(_ context.Context, v centre.Visitor, addr netip.Addr) (centre.IPAnswer, error) {
	p := d.opt.Geo.Lookup(addr)
	out := centre.IPAnswer{Addr: addr, Place: place(p), Yours: addr == v.IP.Unmap(), YourAddr: v.IP, DataDate: d.opt.Geo.Built()}
	if p.Scope != "" {
		out.Special = string(p.Scope)
	}
	if v.IP.IsValid() {
		mine := d.opt.Geo.Lookup(v.IP)
		out.SameNetwork = mine.ASN != 0 && mine.ASN == p.ASN
	}
	for k, c := range d.opt.Geo.Credits() {
		if k > 0 {
			out.Attribution += " · "
		}
		out.Attribution += c.Name
	}
	return out, nil
}
