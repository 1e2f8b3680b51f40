// Package centre is the customer's security centre and her way back in: the
// pages that a frightened person reads at night on a phone. It stands at the
// end of the flow, above the response (contain, undo, notice, recovery), and
// shows what each made of the account.
//
// The pages are thin: they turn a request into one call of the Service and
// what it answers into HTML that works without JavaScript. Who may see or do
// what, what an answer sets off and in which order recovery goes is the
// Service's business, never the page's.
package centre
