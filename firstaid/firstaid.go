// Package firstaid helps the customer of a service that has no Mimamori: it
// reads the sign-in history that she copied from the service's page, says of
// each line where it came from and whether it fits the others, and puts what
// she has to do in order. It stands beside the flow and uses none of it: brand
// files tell about the service, geo about addresses, support whom to call. It
// keeps nothing and knows no pages; judging her mail is mailcheck's, showing
// all this web/firstaid's.
package firstaid

import "time"

// SignIn is one line of a history as she copied it. Whatever could not be read
// is empty.
type SignIn struct {
	At        time.Time
	Precision Precision // how much of At is told by the text
	Address   Address
	Device    string // in words, as "Safari (iPhone)"; empty when the text names none
	System    string // by which devices are compared: "iphone", "windows", "computer"; empty when not known
	Refused   bool   // the text says that it did not get in
	Text      string // the line itself, shortened
}

// Precision is how much of a time is known.
type Precision string

// The precisions.
const (
	NoTime Precision = ""
	Day    Precision = "day"
	Minute Precision = "minute"
)

// History is what was read out of a text.
type History struct {
	SignIns []SignIn // in the order of the text
	More    bool     // there were more than are read
	// Addresses is how many of them have an address: a page that shows none
	// cannot be explained much.
	Addresses int
}

// What is read at most: nobody's two months are longer.
const (
	MostBytes   = 128 << 10
	mostSignIns = 1000
	mostText    = 160 // of one line, in runes
)
