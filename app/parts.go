package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/geo"
	"mimamori/keys"
	"mimamori/mail"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/response"
	"mimamori/shop"
	"mimamori/support"
)

// ShopSecret is the webhook secret that commands to the shop are signed with,
// in the form the shop's own configuration takes ("whsec_…").
func (a *App) ShopSecret() string {
	if a.Config.Shop.Secret != "" {
		return a.Config.Shop.Secret
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(a.Ring.Active(keys.Webhook).Secret())
}

func (a *App) dialShop() (*shop.HTTP, error) {
	return shop.NewHTTP(shop.Config{URL: a.Config.Shop.URL, AllowHTTP: a.Config.Shop.AllowHTTP, Allow: a.Config.Shop.Allow,
		Transport: a.Config.ShopTransport,
		Secrets:   a.shopSecrets})
}

// post is how notices leave: signed twice, by RSA and Ed25519.
func (a *App) post() notice.Post {
	m := a.Config.Mail
	from := mail.Address{Name: a.Config.Shop.Name.JA, Addr: m.From}
	return notice.Post{From: from, Name: a.Config.Shop.Name,
		Submitter: &mail.Submitter{Addr: m.Server, TLS: m.TLS, Username: m.Username, Password: m.Password, LocalName: a.Config.domain(), Dial: a.Config.MailDial},
		Bounces:   m.Bounces,
		Keys: func(context.Context) ([]mail.Key, error) {
			return []mail.Key{a.mailKey(a.Ring.Active(keys.DKIMRSA)), a.mailKey(a.Ring.Active(keys.DKIMEd25519))}, nil
		}}
}

// house is what every notice says of the shop.
func (a *App) house() notice.House {
	return notice.House{Shop: a.Config.Shop.Name, CentreDomain: a.Config.domain(), NoticeDomain: a.noticeDomain(),
		OrdinaryMails: a.Config.Shop.OrdinaryMails, Reminders: a.Config.Mail.Reminders, Contacts: a.contacts, Shortened: a.Config.Policy.Shortened,
		Describe: func(ip string) mimamori.Text {
			addr, err := geo.Parse(ip)
			if err != nil {
				return mimamori.Text{}
			}
			return a.Geo.Lookup(addr).Describe()
		}}
}

func (a *App) noticeDomain() string {
	_, domain, _ := strings.Cut(a.Config.Mail.From, "@")
	return domain
}

// stepText is how a step that has just been tried reads in the timeline; steps
// that only plan, and tries that will be repeated, say nothing.
func stepText(s playbook.Step) (mimamori.Text, bool) {
	switch s.State {
	case playbook.Done:
		return response.StepText(s.Name)
	case playbook.Refused:
		return mimamori.Text{
			JA: fmt.Sprintf("実行できませんでした（%s）：%s", s.Name, s.Why.JA),
			EN: fmt.Sprintf("Could not be done (%s): %s", s.Name, s.Why.EN)}, true
	}
	return mimamori.Text{}, false
}

// contacts are whom a notice names: at home, and from abroad.
func (a *App) contacts(now time.Time) []notice.Contact {
	var out []notice.Contact
	directory := a.directory
	if a.Editions != nil { // a preview of the configuration has no store
		directory = a.Editions.Now(context.Background()).Directory
	}
	seen := map[string]bool{}
	for _, country := range []string{"JP", ""} {
		for _, l := range directory.Now(now, country, mimamori.Japanese) {
			if seen[l.Number.Number] {
				continue
			}
			seen[l.Number.Number] = true
			c := notice.Contact{From: mimamori.Text{JA: "日本国内から", EN: "From Japan"}, Number: l.Number.Number, Free: l.Free, Hours: hours(l.Number)}
			if l.Country == support.Anywhere {
				c.From = mimamori.Text{JA: "海外から", EN: "From abroad"}
			}
			out = append(out, c)
		}
	}
	return out
}

// DNS answers what the DNS answers once the records of our mail keys are
// published, those of old keys too: the demo and its checks verify signatures
// with it, and so is a notice of years ago verified.
func (a *App) DNS(context.Context) (func(name string) ([]string, error), error) {
	var list []mail.Key
	for _, use := range mailUses {
		for _, k := range a.Ring.Kept(use) {
			list = append(list, a.mailKey(k))
		}
	}
	return mail.LookupTXT(list)
}
