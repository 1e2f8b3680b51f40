package api

import (
	"github.com/danielgtaylor/huma/v2"

	"mimamori/event"
)

// values are the enumerations that the types of other packages do not carry
// themselves: the decoder enforces them, this tells of them. The key is the
// schema's name and the property.
var values = map[string][]string{
	"EventLogin.outcome":   {"succeeded", "wrong_password", "unknown_account", "wrong_factor", "blocked"},
	"EventLogin.factor":    {"none", "totp", "passkey", "mail_code"},
	"EventAccount.locale":  {"ja", "en"},
	"EventChange.by":       {"customer", "shop", "system"},
	"EventChange.op":       {"added", "changed", "removed"},
	"EventOrder.by":        {"customer", "shop", "system"},
	"EventPoints.by":       {"customer", "shop", "system"},
	"EventPoints.kind":     {"points", "gift"},
	"EventVerdict.verdict": {"intruder", "customer", "unknown"},
	"EventVerdict.by":      {"customer", "agent", "shop"},
	"EventResource.kind":   resourceKinds(),
	"EventHeld.kind":       resourceKinds(),
	"Decision.decision":    {"allow", "notify", "challenge", "hold", "contain"},
	"Gate.decision":        {"allow", "notify", "challenge", "hold", "contain"},
	"Actor.kind":           {"customer", "staff", "shop", "system"},
}

func resourceKinds() []string {
	var out []string
	for _, k := range event.ResourceKinds {
		out = append(out, string(k))
	}
	return out
}

// meanings are the sentences of fields whose types stand in packages that know
// nothing of the document.
var meanings = map[string]string{
	"EventLogin.outcome":           "how the attempt ended; for unknown_account the subject is any keyed hash of what was typed",
	"EventLogin.session":           "required when succeeded: the shop's name of the session, never the cookie itself",
	"EventLogin.ip":                "IPv4 or IPv6, without zone",
	"EventLogin.user_agent":        "as sent; may be empty",
	"EventLogin.client_hints":      "lower-case header name to value, as in sec-ch-ua-platform",
	"EventLogin.tls_fingerprint":   "JA4",
	"EventLogin.device":            "our token, from the cookie that the shop set",
	"EventLogin.rtt_ms":            "round trip to the browser in milliseconds",
	"EventLogin.factor":            "the second step that was taken",
	"EventLogin.password_tag":      "five lower-case hex digits of a daily keyed hash of what was tried; never the password",
	"EventLogin.password_breached": "the password stands on a list of leaked ones",
	"EventSession.ip":              "required with session.seen",
	"EventSession.user_agent":      "required with session.seen",
	"EventAccount.resources":       "everything that is registered on the account",
	"EventAccount.time_zone":       "IANA name, as in Asia/Tokyo",
	"EventHeld.value":              "the shop's own fields, up to 16 kB",
	"EventHeld.verified_at":        "when the customer proved it hers; makes a contact fit as proof later",
	"EventHeld.since":              "since when it is as it is",
	"EventChange.by":               "who acted; customer (whoever holds the session) unless given",
	"EventChange.before":           "what it was: with changed and removed; missing means unknown",
	"EventChange.after":            "what it became: with added and changed; missing means unknown",
	"EventChange.verified":         "the new value was proved by the customer",
	"EventChange.grant":            "the jti of the grant that allowed this password",
	"EventChange.command":          "our command that this was done for",
	"EventOrder.total":             "required with order.placed",
	"EventOrder.ship_to":           "the address's resource id",
	"EventOrder.payment":           "the payment method's resource id",
	"EventOrder.digital":           "delivered at once: cannot be called back",
	"EventOrder.gift":              "a gift card or a gift",
	"EventOrder.reentered":         "payment, address: typed in anew for this order",
	"EventOrder.command":           "our command that this was done for",
	"EventMoney.amount":            "minor units: 600 with JPY is ¥600, 1999 with USD is $19.99",
	"EventMoney.currency":          "ISO 4217, three capital letters",
	"EventPoints.entry":            "the shop's id of the ledger entry",
	"EventPoints.amount":           "spent is negative",
	"EventPoints.balance":          "after the movement",
	"EventPoints.kind":             "points unless given",
	"EventPoints.command":          "our command that this was done for",
	"EventPageView.page":           "the shop's name or path of the page",
	"EventPageView.fields":         "which personal fields it showed",
	"EventVerdict.by":              "whose word it is",
	"Decision.decision":            "what to do, mildest first: allow, notify, challenge, hold, contain",
	"Decision.probability":         "that somebody else acts, 0 to 1",
	"Decision.reasons":             "everything that spoke for or against, in words",
	"Decision.incident":            "the incident that this opened or joined",
	"Decision.device":              "set this as the device cookie",
	"Decision.challenge":           "send the browser to its url",
	"Decision.obligations":         "what the customer still has to do: reenter_payment, reenter_address, review_subscriptions, set_password",
	"Decision.terms":               "every signal with its weight in log-odds; with the prior they add up to the engine's own probability",
	"Decision.uncalibrated":        "the engine's own probability, by which it was decided; left out where it is the one given",
	"Decision.rules":               "rules of the operator's own that hit, each with its mode: name/live or name/shadow",
	"Decision.degraded":            "what was missing when this was decided",
	"Challenge.methods":            "the proofs that are open",
	"Gate.decision":                "only allow lets the act go on; challenge asks for one more proof first",
	"Gate.obligations":             "those that belong to this act",
	"Gate.wait_until":              "when the password can be set again",
	"Gate.text":                    "to show to the customer",
	"Import.offset":                "lines that are durable",
	"Import.accepted":              "events that were new",
	"Import.repeated":              "events that came before",
	"Import.done":                  "the whole file was taken",
	"Signal.signal":                "its name, stable",
	"Signal.group":                 "which kind of evidence it is",
	"Signal.weight":                "log-odds: above 0 speaks for an intruder",
	"Signal.text":                  "in words",
	"Evidence.event":               "id of the event that brought it",
	"Need.key":                     "one need is noted once",
	"Need.done":                    "when somebody answered it",
	"Cause.kind":                   "list, spray (a common password), phishing, malware, session (a stolen one), mailbox or unknown; more may come",
}

// explain writes values and meanings into the finished schemas.
func explain(r huma.Registry) {
	for name, s := range r.Map() {
		for prop, p := range s.Properties {
			key := name + "." + prop
			for _, v := range values[key] {
				p.Enum = append(p.Enum, v)
			}
			if says := meanings[key]; says != "" {
				if p.Ref != "" {
					// A $ref is shared by all who use it: the sentence needs a schema of its own.
					p = &huma.Schema{OneOf: []*huma.Schema{{Ref: p.Ref}}}
					s.Properties[prop] = p
				}
				p.Description = says
			}
			if p.Type == huma.TypeArray {
				p.Nullable = false
			}
		}
	}
}
