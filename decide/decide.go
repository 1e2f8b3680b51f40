// Package decide turns an assessment into one of five decisions, and answers
// the gate: may this session do this act now? Policy is the operator's; the
// limits on it are not: failed logins never go past challenge, and nobody is
// locked out without a login with the right password and two independent
// kinds of evidence, inside an hourly budget (mission C5). Carrying a decision
// out is left to the incident's playbook.
package decide

import (
	"fmt"
	"time"

	"mimamori"
	"mimamori/assess"
)

// Decision is a rung of the ladder, mildest first.
type Decision string

const (
	Allow     Decision = "allow"
	Notify    Decision = "notify"    // a quiet entry, marked in the history
	Challenge Decision = "challenge" // one more proof before going on
	Hold      Decision = "hold"      // money, orders and contact changes stand still; nobody is locked out
	Contain   Decision = "contain"   // password invalid, sessions out, orders stopped
)

var rungs = map[Decision]int{Allow: 0, Notify: 1, Challenge: 2, Hold: 3, Contain: 4}

// AtLeast says that d is o or stronger.
func (d Decision) AtLeast(o Decision) bool { return rungs[d] >= rungs[o] }

// AtMost caps d at o.
func (d Decision) AtMost(o Decision) Decision {
	if rungs[d] > rungs[o] {
		return o
	}
	return d
}

// Mode says how much Mimamori does by itself.
type Mode string

const (
	Observe Mode = "observe" // decide and record, do nothing
	Assist  Mode = "assist"  // a person confirms
	Enforce Mode = "enforce"
)

// Policy is what the operator sets. DefaultPolicy has sane values.
type Policy struct {
	Mode Mode `json:"mode" yaml:"mode"`
	// Probabilities from which a decision is taken while there is too little to
	// count, or quotas are off.
	NotifyAt    float64 `json:"notify_at" yaml:"notify_at"`
	ChallengeAt float64 `json:"challenge_at" yaml:"challenge_at"`
	HoldAt      float64 `json:"hold_at" yaml:"hold_at"`
	ContainAt   float64 `json:"contain_at" yaml:"contain_at"`
	// Quotas decide as soon as there is enough to count.
	Quotas Quotas `json:"quotas" yaml:"quotas"`
	// Wait is the time between containment and the password reset.
	Wait time.Duration `json:"wait" yaml:"wait"`
	// Watch is how long an account stays under closer watch after recovery.
	Watch time.Duration `json:"watch" yaml:"watch"`
	// BudgetShare and BudgetFloor bound containments without a person: per
	// hour this share of the accounts that signed in during the last 30 days,
	// and at least the floor.
	BudgetShare float64 `json:"budget_share" yaml:"budget_share"`
	BudgetFloor int     `json:"budget_floor" yaml:"budget_floor"`
	// Shortened marks an installation whose waits are shorter than the
	// product's own (a demo): every page and notice then says so.
	Shortened bool `json:"shortened" yaml:"shortened"`
}

// DefaultPolicy is what a new installation runs with.
func DefaultPolicy() Policy {
	return Policy{Mode: Enforce, NotifyAt: 0.002, ChallengeAt: 0.5, HoldAt: 0.79, ContainAt: 0.8,
		Wait: 5 * time.Hour, Watch: 90 * 24 * time.Hour, BudgetShare: 0.005, BudgetFloor: 20, Quotas: DefaultQuotas()}
}

// Check says what is wrong with a policy, naming the field.
func (p Policy) Check() error {
	switch p.Mode {
	case Observe, Assist, Enforce:
	default:
		return fmt.Errorf("policy: mode is %q, must be observe, assist or enforce: %w", p.Mode, mimamori.ErrInvalid)
	}
	if !(0 < p.NotifyAt && p.NotifyAt <= p.ChallengeAt && p.ChallengeAt <= p.HoldAt && p.HoldAt <= p.ContainAt && p.ContainAt <= 1) {
		return fmt.Errorf("policy: notify_at ≤ challenge_at ≤ hold_at ≤ contain_at must lie between 0 and 1: %w", mimamori.ErrInvalid)
	}
	if p.Wait <= 0 || p.Watch < 0 {
		return fmt.Errorf("policy: wait must be above 0 and watch not below it: %w", mimamori.ErrInvalid)
	}
	if !(0 <= p.BudgetShare && p.BudgetShare <= 1) || p.BudgetFloor < 0 {
		return fmt.Errorf("policy: budget_share must lie between 0 and 1, budget_floor not below 0: %w", mimamori.ErrInvalid)
	}
	return p.Quotas.check()
}

// Case is what a decision rests on besides the assessment.
type Case struct {
	RightPassword bool          // the session began with the right password
	Age           time.Duration // how old the event was on arrival
	Faded         bool          // nobody knows how the session began: what stands against it may be another's
	// JustProven is a sign-in within the hour after the account was given back
	// against proofs: whoever has just given them is asked for one more at most.
	JustProven bool
	// Answered: the account was locked out for this very session before and
	// given back since. The shop revoked it; if it goes on, a person asks why.
	Answered bool
	// Torn: on an account that was taken over not long ago, in a session that
	// began not clearly unlike hers. An intruder who knows her ways may be it,
	// or she on her new device.
	Torn bool
	// Shared is a session that began as hers and went on elsewhere: on the same
	// browser, or it has come back since.
	Shared bool
	// Quiet is an act that by itself speaks against nobody, whatever its session
	// did before.
	Quiet      bool
	BudgetLeft int // containments without a person still free this hour
	// Rungs are the levels that hold now; zero: the policy's own probabilities.
	Rungs Rungs
	// AtLeast is what an operator's own rule asks for; empty: nothing. A rule
	// never locks anybody out.
	AtLeast Decision
}

// Made is a decision with everything that shaped it.
type Made struct {
	Decision Decision
	// Capped says why it is milder than the evidence alone would have it;
	// NeedsPerson that somebody must look because of that.
	Capped      []mimamori.Text
	NeedsPerson bool
}

// Decide is the policy's answer to an assessment. Every limit that applied is
// named, not only the first.
func Decide(p Policy, a assess.Assessment, c Case) Made {
	rungs := c.Rungs
	if rungs == (Rungs{}) {
		rungs = p.Fixed().Login
	}
	m := Made{Decision: rungs.Of(LogOdds(a.Probability))}
	if r := c.AtLeast.AtMost(Hold); !m.Decision.AtLeast(r) {
		m.Decision = r
	}
	limit := func(to Decision, why mimamori.Text, person bool) {
		if m.Decision.AtLeast(to) && m.Decision != to {
			m.Decision, m.Capped = to, append(m.Capped, why)
			m.NeedsPerson = m.NeedsPerson || person
		}
	}
	if !c.RightPassword {
		limit(Challenge, whyNoPassword, false)
	}
	if c.JustProven {
		limit(Challenge, whyProven, false)
	}
	if len(a.Groups()) < 2 {
		limit(Hold, whyOneKind, true)
	}
	if c.Faded {
		limit(Hold, whyFaded, true)
	}
	if c.Answered {
		limit(Hold, whyAnswered, true)
	}
	if c.Torn {
		limit(Hold, whyTorn, true)
	}
	if c.Shared {
		limit(Hold, whyShared, true)
	}
	if c.Quiet {
		limit(Hold, whyQuiet, true)
	}
	if c.BudgetLeft <= 0 {
		limit(Hold, whyBudget, true)
	}
	if c.Age > 24*time.Hour {
		limit(Notify, whyOld, false)
	} else if c.Age > 10*time.Minute {
		limit(Hold, whyOld, true)
	}
	return m
}

var (
	whyTorn       = mimamori.Text{JA: "最近取り戻されたアカウントで、ご本人かもしれないサインインから始まっているため、人が確かめるまで止めるだけにしました", EN: "The account was recovered not long ago and the session may have begun as hers: a hold until a person has looked"}
	whyShared     = mimamori.Text{JA: "ご本人のものとして始まった利用が別の回線に移っただけか、元に戻っているため、人が確かめるまで止めるだけにしました", EN: "The session began as hers and only its line has changed, or it has come back: a hold until a person has looked"}
	whyQuiet      = mimamori.Text{JA: "いまの操作そのものには疑わしいところがないため、人が確かめるまで止めるだけにしました", EN: "What was done just now speaks against nobody: a hold until a person has looked"}
	whyNoPassword = mimamori.Text{JA: "正しいパスワードでのサインインがないため、本人確認までにとどめました", EN: "No sign-in with the right password: at most one more proof is asked"}
	whyProven     = mimamori.Text{JA: "直前に本人確認を経てアカウントが戻されたため、もう一度の確認までにとどめました", EN: "The account was given back against proofs a moment ago: at most one more proof is asked"}
	whyOneKind    = mimamori.Text{JA: "根拠が1種類だけのため、保留にとどめ、担当者が確認します", EN: "Only one kind of evidence: put on hold, and a person looks"}
	whyFaded      = mimamori.Text{JA: "このログイン中の操作がどのように始まったか分からないため、保留にとどめ、担当者が確認します", EN: "It is not known how this session began: put on hold, and a person looks"}
	whyAnswered   = mimamori.Text{JA: "このログインにはすでに対応し、アカウントはその後戻されています。まだ続いているため、保留にとどめ、担当者が確認します", EN: "This session was answered before and the account given back since; that it goes on is for a person to look at"}
	whyBudget     = mimamori.Text{JA: "自動で行う対応の1時間あたりの上限に達したため、保留にとどめ、担当者が確認します", EN: "The hourly budget for acting without a person is used up: put on hold, and a person looks"}
	whyOld        = mimamori.Text{JA: "届くのが遅れた知らせのため、対応を弱めました", EN: "The report came late, so the answer is milder"}
)

// Budget is how many accounts may be contained without a person in an hour,
// when active signed in during the last 30 days.
func (p Policy) Budget(active int) int {
	return max(p.BudgetFloor, int(p.BudgetShare*float64(active)))
}

// OverBudget says that a need of this key (its English words) arose because no
// containment without a person was left in the hour.
func OverBudget(key string) bool { return key == whyBudget.EN }
