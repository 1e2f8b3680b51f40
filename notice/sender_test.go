package notice

import (
	"testing"

	"mimamori"
	"mimamori/mail"
)

// TestSenderIsCalledAsItsReaderKnowsIt: an English mail from a name in
// Japanese script looks like a fake to who cannot read it.
func TestSenderIsCalledAsItsReaderKnowsIt(t *testing.T) {
	p := Post{From: mail.Address{Name: "ひかり商店", Addr: "security@notice.hikari.example"}, Name: mimamori.Text{EN: "Hikari Store"}}
	for lang, want := range map[mimamori.Lang]string{mimamori.English: "Hikari Store", mimamori.Japanese: "ひかり商店"} {
		if got := p.from(lang); got.Name != want || got.Addr != p.From.Addr {
			t.Errorf("from(%s) = %v, want the name %q", lang, got, want)
		}
	}
}
