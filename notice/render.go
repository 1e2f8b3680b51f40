package notice

import "mimamori"

// Render writes a notice.
func Render(k Kind, lang mimamori.Lang, f Facts) (Rendered, error) {
	return Rendered{Subject: string(k), Body: string(k) + "\n"}, nil
}
