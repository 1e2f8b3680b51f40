package demoshop

import (
	"net/http"
	"slices"
)

// product is something the shop sells. Prices are yen.
type product struct {
	ID     string
	JA, EN string
	Price  int64
	// Digital ones go out as a code by mail: nothing to stop once it is sent.
	Digital bool
	Colour  string // of its drawing
}

var products = []product{
	{"tea", "宇治の煎茶 100g", "Sencha tea from Uji, 100 g", 1620, false, "#5b8c3e"},
	{"teapot", "常滑焼の急須", "Tokoname teapot", 4950, false, "#9a4f35"},
	{"towel", "今治のバスタオル", "Imabari bath towel", 3080, false, "#5f86a8"},
	{"rice", "新潟の新米 5kg", "New rice from Niigata, 5 kg", 3980, false, "#c2a25a"},
	{"camera", "ミラーレスカメラ", "Mirrorless camera", 148000, false, "#444444"},
	{"tablet", "タブレット 11インチ", "Tablet, 11 inch", 92800, false, "#6b6f8a"},
	{"gift-5000", "ギフトカード 5,000円（メールでお届け）", "Gift card ¥5,000 (by mail)", 5000, true, "#259d63"},
	{"gift-30000", "ギフトカード 30,000円（メールでお届け）", "Gift card ¥30,000 (by mail)", 30000, true, "#197a4b"},
}

// Name is what it is called in a language.
func (p product) Name(lang string) string {
	if lang == "en" {
		return p.EN
	}
	return p.JA
}

func productByID(id string) (product, bool) {
	i := slices.IndexFunc(products, func(p product) bool { return p.ID == id })
	if i < 0 {
		return product{}, false
	}
	return products[i], true
}

// gifts are what points can be spent on: points, and what comes for them.
var gifts = []int64{500, 1000, 3000, 5000}

// premiumPrice is the membership's price a month, in yen.
const premiumPrice = 600

func (v *visit) home() error { return v.show(http.StatusOK, "home", products) }

func (v *visit) product() error {
	p, ok := productByID(v.r.PathValue("id"))
	if !ok {
		return errNotFound
	}
	return v.show(http.StatusOK, "product", p)
}
