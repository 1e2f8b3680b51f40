package mailcheck

import (
	"math/rand/v2"
	"os"
	"testing"

	"mimamori/brands"
)

// TestCorpusWithHalfThePhrases says how much rests on having seen the very
// phrases: each is dropped with a chance of one half. The development mails
// were read when the phrases were written; others will lack many of them.
func TestCorpusWithHalfThePhrases(t *testing.T) {
	mails, dns := readCorpus(t)
	if os.Getenv("MIMAMORI_LONG") == "" {
		t.Skip("MIMAMORI_LONG is not set")
	}
	all := lures
	defer func() { lures = all }()
	c := corpusChecker(t, dns)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 9))
		lures = nil
		for _, l := range all {
			var kept []string
			for _, w := range l.words {
				if r.IntN(2) == 0 {
					kept = append(kept, w)
				}
			}
			l.words = kept
			lures = append(lures, l)
		}
		whole := &bar{name: "fake: all Japanese, half the phrases", least: 0.97}
		text := &bar{name: "fake: Japanese, headers removed, half the phrases", least: 0.85}
		for _, m := range mails {
			if m.label != "phish" || m.lang != "ja" {
				continue
			}
			mail := m.mail(t)
			r := c.Check(t.Context(), mail)
			whole.count(r.Verdict == Fake, m, r)
			if r, err := c.CheckText(t.Context(), bodyOnly(mail.Message), true); err == nil {
				text.count(r.Verdict == Fake, m, r)
			}
		}
		whole.report(t)
		text.report(t)
	}
}

// TestCorpusWithThinBrandFiles: one name and one domain a brand must do for
// the mails in its name.
func TestCorpusWithThinBrandFiles(t *testing.T) {
	mails, dns := readCorpus(t)
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range all {
		all[i].Names, all[i].NoticeDomains, all[i].LinkDomains, all[i].AlwaysSignsSince = b.Names[:1], b.NoticeDomains[:1], b.LinkDomains[:1], ""
	}
	c := New(Options{Brands: all, DNS: dns})
	ja := &bar{name: "fake: all Japanese, thin brand files", least: 0.97}
	wrong := &bar{name: "genuine on phishing, thin brand files", least: 0, most: true}
	for _, m := range mails {
		if m.label != "phish" {
			continue
		}
		r := c.Check(t.Context(), m.mail(t))
		wrong.count(r.Verdict == Genuine, m, r)
		if m.lang == "ja" {
			ja.count(r.Verdict == Fake, m, r)
		}
	}
	ja.report(t)
	wrong.report(t)
}
