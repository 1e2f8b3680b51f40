package intake

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/profile"
)

// TestAnswerAsJSON: an answer is what encoding/json makes of it, byte for byte.
func TestAnswerAsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "hold", "いつもの端末です。", "a<b>&\"\\", "\u2028…", "\xff\xe2"}))
		number := rapid.OneOf(rapid.Float64Range(-30, 30), rapid.Map(rapid.Int64Range(-1e13, 1e13), func(n int64) float64 { return float64(n) / 1000 }),
			rapid.Map(rapid.IntRange(-20_000, 20_000), func(n int) float64 { return float64(n) / 1000 }), rapid.SampledFrom([]float64{0, 1e-7, 0.000123, -2.5, 1e21, 1}))
		a := Answer{Decision: decide.Decision(text.Draw(t, "decision")), Probability: number.Draw(t, "probability"), Reasons: []assess.Signal{},
			Incident: mimamori.IncidentID(text.Draw(t, "incident")), Device: text.Draw(t, "device"), Obligations: []decide.Obligation{},
			Degraded: rapid.SliceOfN(text, 0, 2).Draw(t, "degraded"), Terms: profile.NamedOf(rapid.MapOfN(text, number, 0, 30).Draw(t, "terms")),
			Rules: rapid.SliceOfN(text, 0, 2).Draw(t, "rules"), Campaigns: rapid.SliceOfN(text, 0, 2).Draw(t, "campaigns")}
		for range rapid.IntRange(0, 3).Draw(t, "reasons") {
			a.Reasons = append(a.Reasons, assess.Signal{Name: text.Draw(t, "signal"), Group: assess.Group(text.Draw(t, "group")),
				Weight: number.Draw(t, "weight"), Text: mimamori.Text{JA: text.Draw(t, "ja"), EN: text.Draw(t, "en")}})
		}
		for range rapid.IntRange(0, 2).Draw(t, "obligations") {
			a.Obligations = append(a.Obligations, decide.Obligation(text.Draw(t, "obligation")))
		}
		if rapid.Bool().Draw(t, "challenged") {
			a.Challenge = &Challenge{ID: text.Draw(t, "id"), URL: "https://shop.example/?a=1&b=2", Methods: []string{"totp"}, ExpiresAt: time.Unix(1_800_000_000, 5).UTC()}
		}
		want, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.appendTo(nil); string(got) != string(want) {
			t.Fatalf("%s\nwant %s", got, want)
		}
	})
}
