package centre

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"mimamori"
)

// After is what is left once the customer is back in: the list, and what each
// line of it is about.
type After struct {
	Obligations   []Obligation
	WatchUntil    time.Time    // zero: no watch runs
	Subscriptions []Registered // held now
	JoinedLeft    []ChangeRow  // every joining and leaving shown, newest first
	Payments      []StoredPayment
	// MayRemove says that this visitor may remove stored payment methods here;
	// others do it at the shop, signed in.
	MayRemove bool
}

// StoredPayment is a payment method that the shop keeps.
type StoredPayment struct {
	ID       string // opaque
	Value    Value
	Since    time.Time
	Removing bool // asked for; the shop has not answered yet
}

// Record is one incident whole, to be printed for the card company and the
// police.
type Record struct {
	Timeline
	PrintedAt time.Time
	Subject   string // the customer's id at the shop
	Standing  Standing
	Decided   time.Time // when the account was closed; zero: it was not
	Recovered time.Time // when she was back in; zero: not yet
	Why       []mimamori.Text
	Cause     mimamori.Text
	Logins    []RecordLogin
	Changes   []ChangeRow
	Orders    []PurchaseRow
	Notices   []NoticeRow // without bodies
	Calls     []CallNow
}

// RecordLogin is one sign-in of the intruder's.
type RecordLogin struct {
	At     time.Time
	IP     netip.Addr
	Place  Place
	Device string
}

func (c *centre) record(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "record", func(ctx context.Context, v Visitor) (recordPage, error) {
		view := recordPage{}
		var err error
		view.Record, err = c.opt.Service.Record(ctx, v)
		var over [5]int
		view.Logins, over[0] = first(view.Logins, recordShown)
		view.Orders, over[1] = first(view.Orders, recordShown)
		view.Changes, over[2] = first(view.Changes, recordShown)
		view.Entries, over[3] = first(view.Entries, recordShown)
		view.Notices, over[4] = first(view.Notices, recordShown)
		for _, n := range over {
			view.More += n
		}
		return view, err
	})
}

// recordShown bounds each list of the record.
const recordShown = 200

// recordPage is the record, with how many lines it leaves out.
type recordPage struct {
	Record
	More int
}

// afterPage is the list with where a second step is added.
type afterPage struct {
	After
	SecondStep string
}

// Open says that something is left to do.
func (a afterPage) Open() bool {
	return slices.ContainsFunc(a.Obligations, func(o Obligation) bool { return !o.Done && o.Kind != OfferSecondStep })
}

func (c *centre) checklist(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "checklist", func(ctx context.Context, v Visitor) (afterPage, error) {
		view, err := c.opt.Service.After(ctx, v)
		view.Obligations = c.offered(view.Obligations)
		return afterPage{view, c.opt.SecondStep}, err
	})
}

// removePayment has the shop forget a payment method.
func (c *centre) removePayment(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	id := r.PostFormValue("payment")
	if id == "" || len(id) > 300 {
		c.fail(w, r, mimamori.ErrInvalid)
		return
	}
	if err := c.opt.Service.RemovePayment(r.Context(), c.visitor(r), id); err != nil {
		c.outside(w, r, err)
		return
	}
	c.back(w, r, "/checklist", "payment_removed")
}
