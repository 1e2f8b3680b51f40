// Package walktest walks the customer's way in a real browser, on a phone's
// size, in both languages: the whole of Mimamori, the demonstration shop and a
// mail server behind real listeners, an intruder who acts over HTTP, and a
// customer who reads and presses what stands on the pages. It stands beside
// the flow and is no part of any program; what each step has to be is
// flowtest's to prove, in fake time. The pictures in docs/images are taken on
// these walks (WALK_IMAGES names the folder, make images sets it).
package walktest
