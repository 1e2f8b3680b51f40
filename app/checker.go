package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/brands"
	"mimamori/dossier"
	"mimamori/inbox"
	"mimamori/mailcheck"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
	"mimamori/notice"
	"mimamori/wave"
	"mimamori/web/centre"
)

// checker is the mail checker behind its two doors: the page and the inbox.
type checker struct {
	app    *App
	judge  *mailcheck.Checker
	dns    auth.Resolver
	brands []brands.Brand
	places chan struct{}    // one for each mail being judged: a mail has 10 MiB
	rate   *dossier.Limiter // by network
}

// Of the page: enough for a family behind one address, too few for a machine.
const (
	checksAnHour = 30
	checksAtOnce = 4
	oneCheck     = 5 * time.Second
)

func (a *App) newChecker() (*checker, error) {
	all, err := brands.Load(a.Config.Brands...)
	if err != nil {
		return nil, err
	}
	keys, err := a.DNS(context.Background())
	if err != nil {
		return nil, err
	}
	var world auth.Resolver = &net.Resolver{}
	if a.Config.MailDNS != nil {
		world = a.Config.MailDNS
	}
	c := &checker{app: a, brands: all, dns: &ownDNS{Resolver: world, keys: keys, domain: a.noticeDomain()},
		places: make(chan struct{}, checksAtOnce), rate: dossier.NewLimiter(checksAnHour, time.Hour)}
	c.judge = mailcheck.New(mailcheck.Options{Brands: all, DNS: c.dns, Outbox: outbox{a}})
	return c, nil
}

// ownDNS answers for our own mail keys itself, old ones among them, so that a
// notice of ours is verified years later and while the DNS is down.
type ownDNS struct {
	auth.Resolver
	keys   func(name string) ([]string, error)
	domain string
}

// LookupTXT asks our own keys first.
func (d *ownDNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if strings.HasSuffix(strings.ToLower(strings.TrimSuffix(name, ".")), "._domainkey."+d.domain) {
		if list, err := d.keys(strings.ToLower(name)); err != nil || len(list) > 0 {
			return list, err
		}
	}
	return d.Resolver.LookupTXT(ctx, name)
}

// outbox is the record of the notices we sent.
type outbox struct{ *App }

// Find gives the notice with that Message-ID, else that number. One whose
// account was forgotten has no text any more, and is as if never sent.
func (o outbox) Find(ctx context.Context, messageID, code string) (mailcheck.Sent, error) {
	x, err := o.Store.NoticeByMessageID(ctx, messageID)
	if errors.Is(err, mimamori.ErrNotFound) {
		ref, bad := notice.ParseReference(code)
		if bad != nil {
			return mailcheck.Sent{}, fmt.Errorf("find a sent notice: %w", mimamori.ErrNotFound)
		}
		x, err = o.Store.NoticeByReference(ctx, ref)
	}
	if err != nil {
		return mailcheck.Sent{}, err
	}
	if x.Body == "" || x.SentAt.IsZero() || x.Kind == notice.Code { // a code's kept text is not the mailed one
		return mailcheck.Sent{}, fmt.Errorf("find a sent notice: %w", mimamori.ErrNotFound)
	}
	to := x.To
	return mailcheck.Sent{Brand: o.Config.Shop.Brand, At: x.SentAt, Text: x.Body, To: func(addr string) bool { return strings.EqualFold(addr, to) }}, nil
}

// CheckMail answers the page.
func (c *checker) CheckMail(ctx context.Context, v centre.Visitor, m centre.ShownMail) (centre.MailVerdict, error) {
	if !c.rate.Take(v.IP, time.Now()) {
		return centre.MailVerdict{}, mimamori.ErrUnavailable
	}
	leave, err := c.enter()
	if err != nil {
		return centre.MailVerdict{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, oneCheck)
	defer cancel()
	var r mailcheck.Result
	var read *message.Message
	if len(m.Source) > 0 {
		if read, err = message.Read(m.Source); err == nil {
			r = c.judge.Check(ctx, mailcheck.Mail{Message: read})
		}
	} else if r, err = c.judge.CheckText(ctx, m.Text, false); err == nil {
		read, _ = message.ReadText(m.Text) // it was read a moment ago
	}
	if err != nil {
		return centre.MailVerdict{}, err
	}
	c.sight(ctx, r, read, "page", netip.Addr{})
	return c.verdict(r), nil
}

// enter takes a place, or says that all are taken.
func (c *checker) enter() (leave func(), err error) {
	select {
	case c.places <- struct{}{}:
		return func() { <-c.places }, nil
	default:
		return nil, fmt.Errorf("check a mail: %w", mimamori.ErrUnavailable)
	}
}

func (c *checker) verdict(r mailcheck.Result) centre.MailVerdict {
	v := centre.MailVerdict{Answer: centre.MailAnswer(r.Verdict), Brand: c.brandName(r.Brand), Ours: r.Brand == c.app.Config.Shop.Brand, Do: sentences(r.Do)}
	for _, x := range r.Reasons {
		shown := x.Evidence
		if strings.Contains(x.Text.JA, shown) { // said in the sentence already
			shown = ""
		}
		v.Reasons = append(v.Reasons, centre.MailReason{Text: x.Text, Evidence: shown})
	}
	return v
}

func (c *checker) brandName(id string) mimamori.Text {
	if id == c.app.Config.Shop.Brand {
		return c.app.Config.Shop.Name
	}
	i := slices.IndexFunc(c.brands, func(b brands.Brand) bool { return b.ID == id })
	if i < 0 || len(c.brands[i].Names) == 0 {
		return mimamori.Text{}
	}
	names := c.brands[i].Names
	t := mimamori.Text{JA: names[0], EN: names[0]}
	if latin := slices.IndexFunc(names, func(s string) bool { return !beyondASCII.MatchString(s) }); latin >= 0 {
		t.EN = names[latin]
	}
	return t
}

var beyondASCII = regexp.MustCompile(`[^\x20-\x7e]`)

// sentences are the steps of an advice without its first sentence, which
// repeats the verdict that stands above.
func sentences(t mimamori.Text) []mimamori.Text {
	cut := func(s, end string) []string {
		var out []string
		for _, x := range strings.SplitAfter(s, end) {
			if x = strings.TrimSpace(x); x != "" {
				out = append(out, x)
			}
		}
		if len(out) > 1 {
			out = out[1:]
		}
		return out
	}
	ja, en := cut(t.JA, "。"), cut(t.EN, ". ")
	var out []mimamori.Text
	for i := range max(len(ja), len(en)) {
		out = append(out, mimamori.Text{JA: nth(ja, i), EN: nth(en, i)})
	}
	return slices.DeleteFunc(out, func(t mimamori.Text) bool { return t.JA == "" && t.EN == "" })
}

func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// Judge answers the inbox.
func (c *checker) Judge(ctx context.Context, m inbox.Received) (inbox.Verdict, error) {
	read, err := message.Read(m.Raw)
	if err != nil {
		return inbox.Verdict{}, err
	}
	r := c.judge.Check(ctx, mailcheck.Mail{Message: read, At: m.At})
	c.sight(ctx, r, read, "inbox", m.ClientIP)
	out := inbox.Verdict{Answer: map[mailcheck.Verdict]mimamori.Text{
		mailcheck.Genuine:     {JA: "本物のメールです。", EN: "The mail is genuine."},
		mailcheck.Fake:        {JA: "にせもののメールです。", EN: "The mail is a fake."},
		mailcheck.Unconfirmed: {JA: "本物とは確かめられません。", EN: "The mail cannot be confirmed as genuine."},
	}[r.Verdict], Do: sentences(r.Do)}
	for _, x := range r.Reasons {
		out.Reasons = append(out.Reasons, x.Text)
	}
	return out, nil
}

// Authenticate says whether the sender's own domain vouches for a mail: by an
// aligned signature that covers the From, or by SPF for the envelope.
func (c *checker) Authenticate(ctx context.Context, m inbox.Received) error {
	read, err := message.Read(m.Raw)
	if err != nil || len(read.From()) != 1 {
		return fmt.Errorf("read who sent a mail: %w", mimamori.ErrDenied)
	}
	from := read.From()[0].Domain
	r := auth.Check(ctx, auth.Input{Message: read, At: m.At, ClientIP: m.ClientIP, EnvelopeFrom: m.Envelope, HELO: m.HELO}, c.dns)
	for _, s := range r.Passed() {
		if s.Whole() && auth.Aligned(s.Domain, from) {
			return nil
		}
	}
	if r.SPF.Outcome == auth.Pass && auth.Aligned(r.SPF.Domain, from) {
		return nil
	}
	silent := r.SPF.Outcome == auth.TempError
	for _, s := range r.DKIM {
		silent = silent || s.Outcome == auth.TempError && auth.Aligned(s.Domain, from)
	}
	if silent {
		return fmt.Errorf("verify who sent a mail: %w", mimamori.ErrUnavailable)
	}
	return fmt.Errorf("verify who sent a mail: %w", mimamori.ErrDenied)
}

// sight counts a fake among the waves. Only fingerprints and names of hosts
// and networks are kept.
func (c *checker) sight(ctx context.Context, r mailcheck.Result, m *message.Message, door string, asker netip.Addr) {
	if r.Verdict != mailcheck.Fake || m == nil {
		return
	}
	if len(m.Inside) > 0 {
		m = m.Inside[0]
	}
	now := time.Now().UTC()
	s := wave.Sighting{At: now, Door: door, Brand: r.Brand, Template: wave.Fingerprint(m.Text()), Network: c.network(m, asker)}
	if from := m.From(); len(from) > 0 {
		s.From = from[0].Domain
	}
	for _, l := range m.Links {
		if h := wave.Host(l.URL); h != "" && !slices.Contains(s.Hosts, h) && len(s.Hosts) < 10 {
			s.Hosts = append(s.Hosts, h)
		}
	}
	for _, x := range r.Reasons {
		if x.Severity != mailcheck.Info {
			s.Reasons = append(s.Reasons, x.ID)
		}
	}
	if err := c.app.Store.AddSighting(context.WithoutCancel(ctx), s, now.Add(-wave.Kept), wave.Most); err != nil {
		c.app.log.Warn("count a fake", "err", err)
	}
}

// network is the operator of the first public address in the mail's record of
// its journey, the newest entry first: what its last receiver wrote.
func (c *checker) network(m *message.Message, asker netip.Addr) string {
	for _, line := range m.Header.All("Received") {
		for _, word := range ipWord.FindAllString(line.Value, 10) {
			ip, err := netip.ParseAddr(word)
			if err != nil || ip.IsPrivate() || ip.IsLoopback() || ip.Unmap() == asker.Unmap() {
				continue
			}
			if p := c.app.Geo.Lookup(ip.Unmap()); p.Operator != "" {
				return p.Operator
			}
		}
	}
	return ""
}

var ipWord = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}\b`)

// waves shows the staff what was counted, and how notices read.
type waves struct{ *App }

// Waves are those since a moment, the largest first.
func (w waves) Waves(ctx context.Context, since time.Time) ([]wave.Wave, error) {
	list, err := w.Store.Sightings(ctx, since)
	if err != nil {
		return nil, err
	}
	return wave.Find(list), nil
}

// Notices is the preview of every notice of this house.
func (w waves) Notices(l mimamori.Lang) ([]notice.Previewed, error) {
	return notice.Preview(w.house(), l)
}
