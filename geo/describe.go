package geo

import "mimamori"

// Describe is the place in a few words: "Japan, mobile line (NTT DOCOMO)".
func (p Place) Describe() mimamori.Text { return mimamori.Text{} }

// Explain says what such an address means, to somebody who is no engineer.
func (p Place) Explain() mimamori.Text { return mimamori.Text{} }

// CountryName is a country's everyday name.
func CountryName(code string) mimamori.Text { return mimamori.Text{JA: code, EN: code} }
