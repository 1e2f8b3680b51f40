package event

import (
	"fmt"
	"strings"
)

// mostHeader is the length of a browser's header, as long as servers take: an
// attempt with an absurd one must be assessed, not refused unseen.
const mostHeader = 16 << 10

func (l *Login) check(c *checker) {
	c.need("outcome", "ip", "user_agent")
	c.oneOf("outcome", string(l.Outcome), string(Succeeded), string(WrongPassword), string(UnknownAccount), string(WrongFactor), string(Blocked))
	if l.Outcome == Succeeded {
		c.need("session")
		c.identifier("session", l.Session)
	}
	l.IP = c.address("ip", l.IP)
	c.free("user_agent", l.UserAgent, mostHeader)
	c.free("accept_language", l.AcceptLanguage, mostHeader)
	c.identifierIfAny("tls_fingerprint", l.TLSFingerprint)
	c.identifierIfAny("device", l.Device)
	if len(l.ClientHints) > 40 {
		c.wrong("client_hints", "has too many members")
	}
	for name, value := range l.ClientHints {
		if name != strings.ToLower(name) {
			c.wrong("client_hints", "header names must be lower case")
		}
		c.free("client_hints", name, 100)
		c.free("client_hints", value, mostHeader)
	}
	if l.RTTMillis != nil && (*l.RTTMillis < 0 || *l.RTTMillis > 600_000) {
		c.wrong("rtt_ms", "is out of range")
	}
	if l.Factor != "" {
		c.oneOf("factor", l.Factor, "none", "totp", "passkey", "mail_code")
	}
	if l.PasswordTag != "" && !isTag(l.PasswordTag) {
		c.wrong("password_tag", "must be five lower-case hex digits")
	}
}

// isTag is true of five lower-case hex digits: few enough that a tag says
// "the same password again" of an attack and nothing about the password.
func isTag(s string) bool {
	return len(s) == 5 && strings.Trim(s, "0123456789abcdef") == ""
}

func (s *Session) check(c *checker) {
	c.need("session")
	c.identifier("session", s.Session)
	if c.kind == SessionSeen {
		c.need("ip", "user_agent")
	}
	if s.IP != "" || c.kind == SessionSeen {
		s.IP = c.address("ip", s.IP)
	}
	c.free("user_agent", s.UserAgent, mostHeader)
	c.identifierIfAny("device", s.Device)
}

func (a *Account) check(c *checker) {
	c.need("resources")
	for i := range a.Resources {
		h, at := &a.Resources[i], fmt.Sprintf("resources.%d", i)
		c.resource(at, Resource{h.Kind, h.ID})
		h.Value = c.object(at+".value", h.Value)
		if h.Value == nil {
			c.wrong(at+".value", "is required")
		}
	}
	if a.Locale != "" {
		c.oneOf("locale", a.Locale, "ja", "en")
	}
	c.identifierIfAny("time_zone", a.TimeZone)
}

func (c *checker) resource(at string, r Resource) {
	known := false
	for _, k := range ResourceKinds {
		known = known || r.Kind == k
	}
	if !known {
		c.wrong(at+".kind", "is not a kind of resource")
	}
	c.identifier(at+".id", r.ID)
}

func (ch *Change) check(c *checker) {
	c.need("resource", "op")
	c.resource("resource", ch.Resource)
	c.oneOf("op", string(ch.Op), string(Added), string(Changed), string(Removed))
	ch.Before = c.object("before", ch.Before)
	ch.After = c.object("after", ch.After)
	c.identifierIfAny("grant", ch.Grant)
}

func (o *Order) check(c *checker) {
	c.need("order")
	c.identifier("order", o.Order)
	if c.kind == OrderPlaced {
		c.need("total")
	}
	if o.Total != nil {
		c.amount("total.amount", o.Total.Amount)
		if !isCurrency(o.Total.Currency) {
			c.wrong("total.currency", "must be three capital letters (ISO 4217)")
		}
		if !totalHasAmount(c) {
			c.wrong("total.amount", "is required")
		}
	}
	c.identifierIfAny("ship_to", o.ShipTo)
	c.identifierIfAny("payment", o.Payment)
	for _, r := range o.Reentered {
		c.oneOf("reentered", r, "payment", "address")
	}
}

// totalHasAmount tells a free order (0) from one whose amount was forgotten.
func totalHasAmount(c *checker) bool {
	for key, value := range members(c.data) {
		if string(key) != "total" {
			continue
		}
		for inner, v := range members(value) {
			if string(inner) == "amount" {
				return !isNull(v)
			}
		}
	}
	return false
}

func isCurrency(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func (p *Points) check(c *checker) {
	c.need("entry", "amount", "balance")
	c.identifier("entry", p.Entry)
	c.amount("amount", p.Amount)
	c.amount("balance", p.Balance)
	if p.Kind != "" {
		c.oneOf("kind", p.Kind, "points", "gift")
	}
	c.free("reason", p.Reason, 1000)
}

func (p *PageView) check(c *checker) {
	c.need("session", "page")
	c.identifier("session", p.Session)
	c.free("page", p.Page, 2048)
	if p.Page == "" {
		c.wrong("page", "is required")
	}
}

func (d *Dispute) check(c *checker) {
	c.need("order")
	c.identifier("order", d.Order)
	c.free("reason", d.Reason, 1000)
}

func (v *Verdict) check(c *checker) {
	c.need("session", "verdict", "by")
	c.identifier("session", v.Session)
	c.oneOf("verdict", v.Verdict, "intruder", "customer", "unknown")
	c.oneOf("by", string(v.By), string(ByCustomer), string(ByAgent), string(ByShop))
}
