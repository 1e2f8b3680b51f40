package ssf

import (
	"time"

	"mimamori"
	"mimamori/event"
)

// Of is what a finished step of the response means to others (CAEP 1.0, RISC
// 1.0): nothing for most steps. kind is of the resource, for the steps of an
// undo.
func Of(step string, kind event.ResourceKind, key, subject, cause string, at time.Time) []Occurred {
	var out []Occurred
	tell := func(kind string, more map[string]any) {
		out = append(out, Occurred{Key: key + " " + kind, Type: kind, Subject: subject, At: at, Cause: cause, Claims: claims(at, more)})
	}
	because := func(more map[string]any) map[string]any {
		more["initiating_entity"], more["reason_admin"] = "policy", text(whyContained)
		return more
	}
	switch step {
	case "sessions.revoke":
		more := because(map[string]any{})
		more["reason_user"] = text(whySignedOut)
		tell(SessionRevoked, more)
	case "password.invalidate":
		tell(CredentialChange, because(map[string]any{"credential_type": "password", "change_type": "revoke"}))
		tell(ChangeRequired, nil)
	case "state.contained":
		tell(RiskLevelChange, map[string]any{"principal": "USER", "current_level": "HIGH", "risk_reason": whyContained.EN})
		tell(AccountDisabled, map[string]any{"reason": "hijacking"})
	case "account.release":
		tell(AccountEnabled, nil)
	case "notice.password_set":
		tell(CredentialChange, map[string]any{"credential_type": "password", "change_type": "update", "initiating_entity": "user", "reason_admin": text(whySet)})
		tell(RiskLevelChange, map[string]any{"principal": "USER", "current_level": "LOW", "previous_level": "HIGH", "risk_reason": whySet.EN})
	case "resource.restore", "resource.remove":
		switch kind {
		case event.Contact, event.RecoveryQuestion:
			tell(RecoveryChanged, nil)
		case event.Factor:
			change := "create"
			if step == "resource.remove" {
				change = "delete"
			}
			tell(CredentialChange, because(map[string]any{"credential_type": "app", "change_type": change}))
		}
	}
	return out
}

var (
	whyContained = mimamori.Text{JA: "お客様ではない第三者がサインインしたと判断したため", EN: "Somebody who is not the customer was held to be signed in"}
	whySignedOut = mimamori.Text{JA: "安全のため、すべての端末をサインアウトしました", EN: "Every device was signed out for your safety"}
	whySet       = mimamori.Text{JA: "お客様が新しいパスワードを設定したため", EN: "The customer set a new password"}
)
