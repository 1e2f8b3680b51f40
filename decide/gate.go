package decide

import (
	"slices"
	"time"

	"mimamori"
)

// Obligation is what the customer still has to do after a takeover, ticked
// off by events.
type Obligation string

const (
	ReenterPayment      Obligation = "reenter_payment"
	ReenterAddress      Obligation = "reenter_address"
	ReviewSubscriptions Obligation = "review_subscriptions"
	SetPassword         Obligation = "set_password"
)

// Sensitive is an act that the shop asks the gate about first.
type Sensitive string

const (
	Order   Sensitive = "order"
	Points  Sensitive = "points"
	Contact Sensitive = "contact"
	Payment Sensitive = "payment"
	Factor  Sensitive = "factor"
)

// ParseSensitive reads the gate's act parameter; ErrInvalid for others.
func ParseSensitive(s string) (Sensitive, error) {
	a := Sensitive(s)
	if !slices.Contains([]Sensitive{Order, Points, Contact, Payment, Factor}, a) {
		return "", &mimamori.FieldError{Index: -1, Field: "act", Reason: "must be order, points, contact, payment or factor"}
	}
	return a, nil
}

// GateFacts is what the gate looks at.
type GateFacts struct {
	Act         Sensitive
	LockedOut   bool      // contained, waiting or recovering
	Held        bool      // decision hold carried out
	WaitUntil   time.Time // when the password can be set again
	Obligations []Obligation
	Probability float64 // of the asking session, as last assessed
	Intruder    bool    // the asking session is held to be the intruder's
	Unproven    bool    // it was asked for a proof at its sign-in, and has not given it
	// Watched: the account was contained and given back less than the watch
	// ago, and the session began on no device of hers from before. Unheard: nor
	// did anybody tell how it began.
	Watched, Unheard bool
	Rungs            Rungs // the levels that hold now; zero: the policy's own probabilities
}

// Gated is the gate's answer.
type Gated struct {
	Decision    Decision
	Obligations []Obligation
	Text        mimamori.Text
}

// Gate answers whether an act may go on now.
func Gate(p Policy, f GateFacts) Gated {
	g := Gated{Decision: Allow, Obligations: due(f), Text: textAllow}
	if f.Rungs == (Rungs{}) {
		f.Rungs = p.Fixed().Act
	}
	z := LogOdds(f.Probability)
	switch {
	case p.Mode == Observe:
	case f.LockedOut || f.Intruder:
		g.Decision, g.Text = Contain, textContain
	case f.Held:
		g.Decision, g.Text = Hold, textHold
	case z >= f.Rungs.Hold:
		g.Decision, g.Text = Hold, textHold
	case z >= f.Rungs.Challenge, f.Unproven, f.Watched && f.Unheard:
		g.Decision, g.Text = Challenge, textChallenge
	case len(g.Obligations) > 0:
		g.Text = textObliged
	}
	return g
}

// due are the obligations that belong to the act.
func due(f GateFacts) []Obligation {
	belongs := map[Sensitive][]Obligation{
		Order:   {ReenterPayment, ReenterAddress},
		Payment: {ReviewSubscriptions},
	}
	owed := f.Obligations
	if f.Watched && !f.LockedOut { // who came once comes again, and knows neither card nor street by heart
		for _, o := range belongs[Order] {
			if !slices.Contains(owed, o) {
				owed = append(slices.Clone(owed), o)
			}
		}
	}
	out := []Obligation{}
	for _, o := range owed {
		if o == SetPassword || slices.Contains(belongs[f.Act], o) {
			out = append(out, o)
		}
	}
	return out
}

var (
	textAllow     = mimamori.Text{JA: "そのままお進みください。", EN: "Please go on."}
	textContain   = mimamori.Text{JA: "第三者に使われたおそれがあるため、安全のためにこのアカウントの操作を止めています。「パスワードをお忘れですか？」から、再開できる時刻と手順をご確認ください。", EN: "A third party may have used this account, so everything on it is stopped for safety. “Forgot your password?” tells you when and how it opens again."}
	textHold      = mimamori.Text{JA: "ふだんと違う操作があったため、ご注文・ポイント・ご登録内容の変更を一時的に止めています。セキュリティセンターでご確認ください。", EN: "Something unusual happened, so orders, points and changes to your details are on hold for now. Please look at the security centre."}
	textChallenge = mimamori.Text{JA: "続ける前に、ご本人であることをもう一度ご確認ください。", EN: "Please confirm once more that it is you before going on."}
	textObliged   = mimamori.Text{JA: "安全のため、お支払い方法とお届け先をもう一度ご入力ください。", EN: "For safety, please enter the payment details and the address once more."}
)
