package geo

import (
	"net/netip"
	"strings"
	"testing"

	"mimamori"
)

func TestDescribe(t *testing.T) {
	db := Embedded()
	for addr, want := range map[string]mimamori.Text{
		"49.98.140.7": {JA: "日本・モバイル回線（NTTドコモ）", EN: "Japan, mobile line (NTT DOCOMO)"},
		"106.72.45.1": {JA: "日本・一般の回線（KDDI / au）", EN: "Japan, ordinary line (KDDI / au)"},
		"45.76.100.1": {JA: "日本・データセンター経由（Vultr）", EN: "Japan, data-centre relay (Vultr)"},
		"41.78.72.14": {JA: "ソマリア・モバイル回線（Hormuud Telecom）", EN: "Somalia, mobile line (Hormuud Telecom)"},
		"172.225.1.1": {JA: "アメリカ合衆国・プライバシーリレー経由（Akamai）", EN: "United States, privacy relay (Akamai)"},
		"192.168.1.1": {JA: "家庭や会社の中のIPアドレス", EN: "address inside a home or office"},
		"100.64.1.1":  {JA: "通信事業者の中のIPアドレス", EN: "address inside an operator's network"},
		"203.0.113.5": {JA: "説明用のIPアドレス", EN: "example address"},
		"2fff::1":     {JA: "どこの回線か不明", EN: "unknown network"},
	} {
		if got := db.Lookup(netip.MustParseAddr(addr)).Describe(); got != want {
			t.Errorf("Lookup(%s).Describe() = %+v, want %+v", addr, got, want)
		}
	}
}

// A place that was stored by an older version, or by hand, still has words.
func TestDescribeOfHalfAPlace(t *testing.T) {
	for _, p := range []Place{{}, {Country: "JP"}, {Country: "QQ", Kind: "new"}, {Operator: "A", Kind: VPN}, {ASN: 1, Scope: "new"}} {
		for _, text := range []mimamori.Text{p.Describe(), p.Explain()} {
			if text.JA == "" || text.EN == "" {
				t.Errorf("%+v has no words: %+v", p, text)
			}
		}
	}
}

func TestExplainHasWordsForEveryKind(t *testing.T) {
	for _, k := range KindOrder {
		text := Place{Kind: k}.Explain()
		if text.JA == "" || text.EN == "" || k.Name().JA == "" || k.Name().EN == "" {
			t.Errorf("kind %s has no words", k)
		}
		if strings.ContainsAny(text.JA+text.EN, "!！") {
			t.Errorf("kind %s: exclamation mark in %+v", k, text)
		}
	}
	for _, k := range []Kind{Hosting, VPN} {
		if text := (Place{Kind: k}).Explain(); !strings.Contains(text.EN, "A relay is not the intruder's home") {
			t.Errorf("kind %s does not say that a relay is not the intruder's home: %s", k, text.EN)
		}
	}
	for _, s := range []Scope{Private, SharedNAT, Loopback, LinkLocal, Documentation, Reserved} {
		if scopeNames[s].JA == "" || scopeMeanings[s].JA == "" || scopeNames[s].EN == "" || scopeMeanings[s].EN == "" {
			t.Errorf("scope %s has no words", s)
		}
	}
}
