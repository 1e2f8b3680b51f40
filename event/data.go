package event

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"mimamori"
)

// dataNames are all field names of the contract below data. A key that
// differs from one by case alone is refused outside the shop's own objects.
var dataNames = func() map[string]bool {
	names := map[string]bool{}
	for _, n := range strings.Fields(`outcome session ip user_agent accept_language client_hints tls_fingerprint device
		rtt_ms factor password_tag password_breached resources locale time_zone registered_at kind id value verified_at since
		by resource op before after verified grant command order total amount currency ship_to payment digital gift
		reentered entry balance reason page fields verdict`) {
		names[n] = true
	}
	return names
}()

// payloads makes the empty payload of each kind that is ours.
var payloads = map[Kind]func() payload{
	LoginAttempted:  func() payload { return &Login{} },
	SessionSeen:     func() payload { return &Session{} },
	SessionEnded:    func() payload { return &Session{} },
	AccountSeen:     func() payload { return &Account{} },
	AccountChanged:  func() payload { return &Change{} },
	OrderPlaced:     func() payload { return &Order{} },
	OrderShipped:    func() payload { return &Order{} },
	OrderCancelled:  func() payload { return &Order{} },
	OrderHidden:     func() payload { return &Order{} },
	OrderUnhidden:   func() payload { return &Order{} },
	PointsMoved:     func() payload { return &Points{} },
	PageViewed:      func() payload { return &PageView{} },
	PaymentDisputed: func() payload { return &Dispute{} },
	SessionJudged:   func() payload { return &Verdict{} },
}

func known(k Kind) bool { return payloads[k] != nil }

// payload is what each kind's data has in common: it can say what is wrong
// with it, and brings itself into the one form that the rest of the flow sees.
type payload interface {
	check(c *checker)
}

// alreadyRead spares the second reader the checks that the first has made.
var alreadyRead = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// decodeData fills Payload, Session, Command and By from Data.
func (e *Event) decodeData() *mimamori.FieldError {
	p := payloads[e.Kind]()
	if err := json.Unmarshal(e.Data, p, alreadyRead); err != nil {
		return typeError(err)
	}
	c := checker{kind: e.Kind, data: e.Data, present: make([][]byte, 0, 16)}
	var command, by string
	for key, value := range members(e.Data) {
		if isNull(value) {
			continue
		}
		c.present = append(c.present, key)
		switch string(key) {
		case "session":
			e.Session = c.shortText(string(key), value)
		case "command":
			command = c.shortText(string(key), value)
		case "by":
			by = c.shortText(string(key), value)
		}
	}
	p.check(&c)
	if e.By = By(by); by == "" {
		e.By = ByCustomer
	}
	if _, verdict := p.(*Verdict); !verdict {
		c.oneOf("by", string(e.By), string(ByCustomer), string(ByShop), string(BySystem))
	}
	e.Command, e.Payload = command, p
	return c.fault
}

// NoAccount is true of a sign-in attempt on an account that does not exist:
// its subject is a hash of what was typed, feeds the traffic sketches only
// and must never make an account.
func (e Event) NoAccount() bool {
	l, ok := e.Payload.(*Login)
	return ok && l.Outcome == UnknownAccount
}

// checker gathers the first fault of one event's data.
type checker struct {
	kind    Kind
	data    []byte
	present [][]byte
	fault   *mimamori.FieldError
}

func (c *checker) wrong(field, reason string) {
	if c.fault == nil {
		c.fault = wrong(-1, "data."+field, reason)
	}
}

// need says which fields must be there; a field may still be empty where the
// contract lets it (a browser may send no user agent).
func (c *checker) need(fields ...string) {
	for _, f := range fields {
		if !slices.ContainsFunc(c.present, func(p []byte) bool { return string(p) == f }) {
			c.wrong(f, "is required")
		}
	}
}

// identifier is a field that names something: printable, 1 to 200.
func (c *checker) identifier(field, value string) {
	if reason := printable(value, 200); reason != "" {
		c.wrong(field, reason)
	}
}

func (c *checker) identifierIfAny(field, value string) {
	if value != "" {
		c.identifier(field, value)
	}
}

// free is text of the outside world that is kept but never trusted.
func (c *checker) free(field, value string, most int) {
	if len(value) > most {
		c.wrong(field, "is too long")
	}
}

func (c *checker) shortText(field string, raw []byte) string {
	if raw[0] != '"' {
		c.wrong(field, "must be a string")
		return ""
	}
	s := unquote(raw)
	c.identifierIfAny(field, s)
	return s
}

func (c *checker) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.wrong(field, "must be one of "+strings.Join(allowed, ", "))
	}
}

// address reads an IP address and gives its one form: no zone, and an IPv4
// address mapped into IPv6 as the IPv4 address that it is.
func (c *checker) address(field, value string) string {
	ip, err := netip.ParseAddr(value)
	if err != nil || ip.Zone() != "" {
		c.wrong(field, "must be an IP address without zone")
		return ""
	}
	return ip.Unmap().String()
}

// object checks one of the shop's own objects; JSON null counts as absent.
func (c *checker) object(field string, raw []byte) []byte {
	switch {
	case len(raw) == 0 || isNull(raw):
		return nil
	case raw[0] != '{':
		c.wrong(field, "must be an object")
	case len(raw) > maxResourceBytes:
		c.wrong(field, "is larger than 16 kB")
	}
	return raw
}

// amount keeps numbers small enough that none can be a card number.
func (c *checker) amount(field string, n int64) {
	if n <= -1e12 || n >= 1e12 {
		c.wrong(field, "is out of range")
	}
}
