package mailcheck

import (
	"context"
	"slices"
	"strings"
	"time"

	"mimamori/brands"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
)

// The sums of clues from which a mail that nothing proves is called a fake.
const (
	enoughClaimed = 4.5 // it speaks as a brand, by its text alone
	enoughForged  = 3.0 // its From is the brand's, and nothing signs it
	enoughNobody  = 8.0 // it speaks as nobody that we know
)

// one judges one mail, without those inside it.
func (c *Checker) one(ctx context.Context, mail Mail, at time.Time) Result {
	l := read(mail.Message, !mail.BodyOnly)
	v := &view{c: c, l: l, at: at}
	if !mail.BodyOnly {
		v.auth = auth.Check(ctx, auth.Input{Message: mail.Message, At: at, ClientIP: mail.ClientIP,
			EnvelopeFrom: mail.EnvelopeFrom, HELO: mail.HELO, Trusted: c.trusted}, c.dns)
	}
	v.claims()
	if r, ok := v.sent(ctx); ok {
		return r
	}
	if r, ok := v.signed(); ok {
		return r
	}
	v.weigh()
	switch {
	case !l.headed:
		return v.byText()
	case v.claim != nil && !v.ownSender():
		return v.byStranger()
	case v.posing():
		return v.byPoser()
	case v.sender != nil:
		return v.byOwn()
	}
	return v.byNobody()
}

// view is one mail under judgement.
type view struct {
	c      *Checker
	l      *letter
	at     time.Time
	auth   auth.Result
	sender *known // whose domain From has, or may have
	listed bool   // From's domain is one that sends notices

	claim  *known // whom the mail speaks as
	by     []hit  // by what it claims, the strongest first
	titled bool   // its subject speaks as the brand
	loud   bool   // by its sender's name, or by subject and text: what no mere mention does
	masked bool   // the name is written in look-alike signs

	hits    []hit // clues of text, build and links
	sum     float64
	pressed float64 // the part of sum that the text's lures have
	lured   bool    // its text has any lure at all
	own     int     // links to the claimed brand
	foreign int
}

// ownSender says whether From is the claimed brand's, or may be.
func (v *view) ownSender() bool {
	if v.l.domain == "" {
		return false
	}
	return v.claim.owns(v.l.domain) || v.claim.related(v.l.domain) || v.c.sameName(v.claim, v.l.domain)
}

// sent looks the mail up among the notices that we sent.
func (v *view) sent(ctx context.Context) (Result, bool) {
	if v.c.outbox == nil {
		return Result{}, false
	}
	id := strings.Trim(v.l.m.Header.Get("Message-ID"), "<> ")
	found, err := v.c.outbox.Find(ctx, id, referenceCode(v.l.seen))
	if err != nil {
		return Result{}, false
	}
	k := v.c.byID(found.Brand)
	if !strings.Contains(squeeze(v.l.seen), squeeze(found.Text)) || squeeze(found.Text) == "" {
		return v.result(Fake, k, reason("outbox.altered", Proof, "", k, "")), true
	}
	if extra := strings.Replace(squeeze(v.l.seen), squeeze(found.Text), "", 1); len(extra) > 400 || len(v.l.places) > 0 {
		return v.result(Unconfirmed, k, reason("outbox.added", Strong, "", k, "")), true
	}
	if to := v.l.m.Header.Addresses("To"); found.To != nil && len(to) > 0 && !slices.ContainsFunc(to, func(a message.Address) bool { return found.To(a.Address) }) {
		return v.result(Unconfirmed, k, reason("outbox.other-recipient", Strong, "", k, "")), true
	}
	return v.result(Genuine, k, reason("outbox.found", Proof, found.At.UTC().Format(time.RFC3339), k, "")), true
}

// squeeze takes out all white space: mail programs wrap lines anew.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func (c *Checker) byID(id string) *known {
	if i := slices.IndexFunc(c.known, func(k *known) bool { return k.brand.ID == id }); i >= 0 {
		return c.known[i]
	}
	return nil
}

// signed says genuine where a signature, or a receiver that is trusted, proves
// that a notice domain sent all that is seen.
func (v *view) signed() (Result, bool) {
	l := v.l
	if len(l.from) != 1 || v.sender == nil || !v.listed || v.flawed() {
		return Result{}, false
	}
	if v.claim != nil && v.loud && !v.ownSender() {
		return Result{}, false // a service's own mail, used to speak as somebody else
	}
	for _, s := range v.auth.Passed() {
		if v.whole(s) && !s.Testing && v.sender.notice[s.Domain] && auth.Aligned(s.Domain, l.domain) {
			return v.result(Genuine, v.sender, reason("auth.signed", Proof, s.Domain, v.sender, s.Domain)), true
		}
	}
	if r := v.auth.Reported; r != nil && r.Passed(l.domain) {
		return v.result(Genuine, v.sender, reason("auth.receiver", Proof, r.By, v.sender, l.domain)), true
	}
	return Result{}, false
}

// whole says whether a signature is over all that is seen. Many senders leave
// Content-Type out of it; whoever passes the mail on could then have the body
// read as something else. Of a plain text there is nothing else to read.
func (v *view) whole(s auth.Signature) bool {
	if s.Whole() {
		return true
	}
	if s.Partial || slices.Contains(s.Uncovered, "From") || slices.Contains(s.Uncovered, "Subject") {
		return false
	}
	h := v.l.m.Header
	coding := strings.ToLower(h.Get("Content-Transfer-Encoding"))
	return len(v.l.m.Parts) == 1 && (v.l.m.Parts[0].Type == "text/plain" || v.l.m.Parts[0].Type == "") && !v.l.m.Parts[0].Attached &&
		len(h.All("Content-Type")) <= 1 && len(h.All("Content-Transfer-Encoding")) <= 1 && slices.Contains([]string{"", "7bit", "8bit", "binary", "quoted-printable", "base64"}, coding)
}

// flawed says whether the mail's build lets two programs read two mails.
func (v *view) flawed() bool {
	return slices.ContainsFunc(v.l.m.Flaws, func(f message.Flaw) bool {
		return f == message.TwoFrom || f == message.NoFrom || f == message.TwoSubjects
	})
}

// byStranger judges a mail that speaks as a brand and comes from elsewhere.
func (v *view) byStranger() Result {
	first := reason("claim.sender", Proof, v.l.shownSender(), v.claim, v.l.domain)
	mailbox := under(v.l.domain, mailboxes) && v.pressed > 0
	if v.loud || v.masked || mailbox || v.sum >= enoughForged || v.pressed > 0 && (v.foreign > 0 || v.titled) {
		return v.result(Fake, v.claim, append([]Reason{first}, v.reasons()...)...)
	}
	first.Severity = Strong
	return v.result(Unconfirmed, v.claim, append([]Reason{first}, v.reasons()...)...)
}

// byOwn judges a mail whose From is a brand's, and which nothing proves.
func (v *view) byOwn() Result {
	k := v.sender
	var rs []Reason
	broken, unknown := false, false
	for _, s := range v.auth.DKIM {
		if !auth.Aligned(s.Domain, v.l.domain) {
			continue
		}
		if s.Outcome == auth.TempError || s.Outcome == auth.Pass {
			unknown = true
		} else {
			broken = true
		}
	}
	unsigned := !broken && !unknown
	always := k.brand.AlwaysSignsSince != "" && v.at.Format(time.DateOnly) >= k.brand.AlwaysSignsSince
	refused := v.auth.DMARC.Outcome == auth.Fail && (v.auth.DMARC.Policy == auth.Quarantine || v.auth.DMARC.Policy == auth.Reject)
	if v.flawed() {
		rs = append(rs, reason("auth.two-senders", Strong, "", k, v.l.domain))
	}
	spf := v.auth.SPF
	if spf.Outcome == auth.Fail && k.owns(spf.Domain) && unsigned {
		rs = append(rs, reason("auth.spf", Strong, spf.Domain, k, spf.Domain))
	}
	switch {
	case !v.l.traced:
		rs = append(rs, reason("header.missing", Info, "", k, v.l.domain))
	case unsigned && always:
		rs = append([]Reason{reason("auth.unsigned-always", Proof, v.l.domain, k, v.l.domain)}, rs...)
	case unsigned && refused:
		rs = append([]Reason{reason("auth.refused", Proof, v.auth.DMARC.RecordAt, k, v.l.domain)}, rs...)
	case unsigned && !k.owns(v.l.domain):
		rs = append([]Reason{reason("claim.sender", Strong, v.l.shownSender(), k, v.l.domain)}, rs...)
	case unsigned:
		rs = append([]Reason{reason("auth.unsigned", Strong, v.l.domain, k, v.l.domain)}, rs...)
	case broken:
		rs = append([]Reason{reason("auth.broken", Clue, v.l.domain, k, v.l.domain)}, rs...)
	default:
		rs = append([]Reason{reason("auth.unknown", Info, v.l.domain, k, v.l.domain)}, rs...)
	}
	rs = append(rs, v.reasons()...)
	fake := false
	astray := v.foreign > 0 && v.own == 0 || v.worstLink() >= 4
	switch {
	case v.l.traced && unsigned:
		enforced := v.auth.DMARC.Outcome != auth.Pass && (v.auth.DMARC.Policy == auth.Quarantine || v.auth.DMARC.Policy == auth.Reject) && !v.l.listed()
		fake = always || refused && !v.l.listed() || v.flawed() || spf.Outcome == auth.Fail || v.sum >= enoughForged || astray && !v.l.listed() || enforced && v.lured
	case v.l.traced && broken:
		fake = v.flawed() && v.sum >= enoughForged || v.claim != nil && (v.sum >= enoughClaimed || v.worstLink() >= 4 && v.pressed > 0)
	default: // nothing of the journey is left, or no key to verify with
		fake = v.flawed() && v.sum >= enoughForged || v.claim != nil && v.sum >= enoughClaimed && (v.worstLink() >= 2 || v.oddest() >= 2)
	}
	if fake {
		return v.result(Fake, k, rs...)
	}
	return v.result(Unconfirmed, k, rs...)
}

// posing says whether a sender with a mailbox that anybody can have calls
// himself by another's address: "ethereum.org <somebody@icloud.com>".
func (v *view) posing() bool {
	shown := domainIn(v.l.name)
	return shown != "" && has(v.l.name, " on behalf of", " via ", " im auftrag ") == "" && under(v.l.domain, mailboxes) && !sameSite(shown, v.l.domain) && !under(shown, mailboxes)
}

func (v *view) byPoser() Result {
	return v.result(Fake, v.claim, append([]Reason{reason("claim.poses", Proof, v.l.shownSender(), v.claim, v.l.domain)}, v.reasons()...)...)
}

// mailboxes are domains under which anybody can have an address. They are
// nobody's notice domains, though some belong to a brand.
var mailboxes = []string{
	"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "live.jp", "outlook.jp", "hotmail.co.jp", "msn.com", "onmicrosoft.com", "icloud.com", "me.com", "mac.com",
	"yahoo.com", "yahoo.co.jp", "ymail.com", "ymail.ne.jp", "aol.com", "gmx.de", "gmx.net", "gmx.com", "web.de", "t-online.de", "mail.ru", "yandex.ru", "yandex.com", "qq.com", "foxmail.com", "163.com", "126.com",
	"sina.com", "proton.me", "protonmail.com", "docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "nifty.com", "biglobe.ne.jp", "ocn.ne.jp", "so-net.ne.jp", "uol.com.br", "bol.com.br", "orange.fr", "free.fr", "libero.it", "excite.co.jp", "goo.jp", "zoho.com",
}

// byText judges what has no header: pasted text, or a mail quoted without one.
func (v *view) byText() Result {
	rs := v.reasons()
	reaches := v.reaches()
	if v.claim != nil && reaches && (v.sum >= enoughClaimed || v.masked && v.sum >= enoughForged) || v.claim == nil && reaches && v.sum >= enoughNobody {
		return v.result(Fake, v.claim, rs...)
	}
	if v.claim != nil {
		return v.result(Unconfirmed, v.claim, append(rs, reason("header.none", Info, "", v.claim, ""))...)
	}
	return v.result(Unconfirmed, nil, append(rs, reason("claim.none", Info, "", nil, ""))...)
}

// reaches says whether a text leads its reader anywhere: a notice that asks
// for no press and shows no foreign address is no lure, however it alarms.
func (v *view) reaches() bool {
	return slices.ContainsFunc(v.hits, func(h hit) bool {
		return h.id == "text.press" || h.id == "text.lure" || strings.HasPrefix(h.id, "link.")
	}) || v.oddest() >= 2.5
}

// byNobody judges a mail that speaks as no brand that we know.
func (v *view) byNobody() Result {
	rs := append(v.reasons(), reason("claim.none", Info, v.l.domain, nil, v.l.domain))
	if v.sum >= enoughNobody {
		return v.result(Fake, nil, rs...)
	}
	return v.result(Unconfirmed, nil, rs...)
}

// result puts an answer together. The reasons come as they weigh; where nothing
// is decided, first what keeps it open, and clues only if they are more than
// what honest mails have too.
func (v *view) result(verdict Verdict, k *known, rs ...Reason) Result {
	if verdict == Unconfirmed && v.sum < 2 {
		rs = slices.DeleteFunc(rs, isClue)
	}
	slices.SortStableFunc(rs, func(a, b Reason) int {
		if verdict == Unconfirmed && isClue(a) != isClue(b) {
			if isClue(a) {
				return 1
			}
			return -1
		}
		return weight(a.Severity) - weight(b.Severity)
	})
	r := Result{Verdict: verdict, Reasons: rs}
	var b brands.Brand
	if k != nil {
		r.Brand, b = k.brand.ID, k.brand
	}
	r.Do = advice(verdict, b)
	return r
}

// isClue says whether a reason is only a mark that fakes often have.
func isClue(r Reason) bool {
	return strings.HasPrefix(r.ID, "text.") || r.ID == "header.zone" || r.ID == "header.program" || r.ID == "claim.masked" || strings.HasPrefix(r.ID, "link.") && r.ID != "link.own" && r.ID != "link.unknown" && r.ID != "link.unreadable"
}

func weight(s Severity) int { return slices.Index([]Severity{Proof, Strong, Clue, Info}, s) }

func (v *view) worstLink() float64 {
	return v.heaviest(func(id string) bool { return strings.HasPrefix(id, "link.") })
}

func (v *view) oddest() float64 {
	return v.heaviest(func(id string) bool {
		return id == "text.glyphs" || id == "text.hidden" || id == "text.spaced" || id == "text.template" || id == "text.odd" || id == "text.lookalike" || id == "claim.masked"
	})
}

func (v *view) heaviest(of func(id string) bool) (most float64) {
	for _, h := range v.hits {
		if of(h.id) {
			most = max(most, h.weight)
		}
	}
	return most
}
