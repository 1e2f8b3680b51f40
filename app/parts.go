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
	"mimamori/webhook"
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
		Secrets: func(context.Context) ([]webhook.Secret, error) {
			s, err := webhook.ParseSecret(a.ShopSecret())
			return []webhook.Secret{s}, err
		}})
}

// post is how notices leave: signed twice, by RSA and Ed25519.
func (a *App) post() notice.Post {
	m := a.Config.Mail
	from := mail.Address{Name: a.Config.Shop.Name.JA, Addr: m.From}
	return notice.Post{From: from, Name: a.Config.Shop.Name,
		Submitter: &mail.Submitter{Addr: m.Server, TLS: m.TLS, Username: m.Username, Password: m.Password, LocalName: a.Config.domain(), Dial: a.Config.MailDial},
		Keys: func(context.Context) ([]mail.Key, error) {
			return []mail.Key{
				{Domain: from.Domain(), Selector: m.Selector + "-rsa", Signer: a.Ring.Active(keys.DKIMRSA).Signer()},
				{Domain: from.Domain(), Selector: m.Selector + "-ed", Signer: a.Ring.Active(keys.DKIMEd25519).Signer()},
			}, nil
		}}
}

// house is what every notice says of the shop.
func (a *App) house() notice.House {
	return notice.House{Shop: a.Config.Shop.Name, CentreDomain: a.Config.domain(), NoticeDomain: a.noticeDomain(),
		OrdinaryMails: a.Config.Shop.OrdinaryMails, Contacts: a.contacts, Shortened: a.Config.Policy.Shortened,
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
	seen := map[string]bool{}
	for _, country := range []string{"JP", ""} {
		for _, l := range a.directory.Now(now, country, mimamori.Japanese) {
			if seen[l.Number.Number] {
				continue
			}
			seen[l.Number.Number] = true
			c := notice.Contact{From: mimamori.Text{JA: "日本国内から", EN: "From Japan"}, Number: l.Number.Number, Free: l.Free, Hours: l.Text}
			if l.Country == support.Anywhere {
				c.From = mimamori.Text{JA: "海外から", EN: "From abroad"}
			}
			out = append(out, c)
		}
	}
	return out
}

// DNS answers what the DNS answers once the records of our mail keys are
// published: the demo and its checks verify signatures with it.
func (a *App) DNS(ctx context.Context) (func(name string) ([]string, error), error) {
	list, err := a.post().Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the mail keys: %w", err)
	}
	return mail.LookupTXT(list)
}
