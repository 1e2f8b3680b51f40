package geo

import "mimamori"

// Describe is the place in a few words for a line of a list: "Japan, mobile
// line (NTT DOCOMO)".
func (p Place) Describe() mimamori.Text {
	if t, special := scopeNames[p.Scope]; special {
		return t
	}
	if p.Country == "" && p.Operator == "" && (p.Kind == Unknown || p.Kind == "") {
		return mimamori.Text{JA: "どこの回線か不明", EN: "unknown network"}
	}
	where, line := CountryName(p.Country), kindNames[p.kind()]
	t := mimamori.Text{JA: where.JA + "・" + line.JA, EN: where.EN + ", " + line.EN}
	if p.Operator != "" {
		t.JA += "（" + p.operatorJA() + "）"
		t.EN += " (" + p.Operator + ")"
	}
	return t
}

// Explain says what such an address means for somebody who found it in the
// list of sign-ins and is no engineer. It never says whether the sign-in was
// hers: that needs more than an address.
func (p Place) Explain() mimamori.Text {
	if t, special := scopeMeanings[p.Scope]; special {
		return t
	}
	return kindMeanings[p.kind()]
}

// Name is the kind in a word or two, for the middle of a sentence.
func (k Kind) Name() mimamori.Text { return kindNames[Place{Kind: k}.kind()] }

func (p Place) kind() Kind {
	if !p.Kind.Valid() {
		return Unknown
	}
	return p.Kind
}

func (p Place) operatorJA() string {
	if p.OperatorJA != "" {
		return p.OperatorJA
	}
	return p.Operator
}

var kindNames = map[Kind]mimamori.Text{
	Access:  {JA: "一般の回線", EN: "ordinary line"},
	Mobile:  {JA: "モバイル回線", EN: "mobile line"},
	Hosting: {JA: "データセンター経由", EN: "data-centre relay"},
	VPN:     {JA: "VPN経由", EN: "VPN relay"},
	Relay:   {JA: "プライバシーリレー経由", EN: "privacy relay"},
	Tor:     {JA: "Tor経由", EN: "Tor relay"},
	Unknown: {JA: "回線の種類は不明", EN: "kind of line unknown"},
}

var kindMeanings = map[Kind]mimamori.Text{
	Access: {
		JA: "家庭や会社、学校などで使われる、ふつうのインターネット回線です。携帯電話の通信が含まれることもあります。国と事業者まではわかりますが、どの家や建物かまではわかりません。",
		EN: "An ordinary internet line, as homes, offices and schools have. Phones may use it too. It tells the country and the operator, not which house or building."},
	Mobile: {
		JA: "スマートフォンなどの携帯電話の回線です。多くの人が同じIPアドレスを代わる代わる使い、IPアドレスはよく変わります。市や町まではわかりません。",
		EN: "A line of mobile phones. Many people share such an address in turn and it changes often, so it does not tell a town."},
	Hosting: {
		JA: "データセンターの貸し出し用コンピューターです。人が住む場所ではなく、別の場所にいる人が中継に使うことがあります。ここに表示される国は中継した機械のある国で、操作した人がいる場所とは限りません。",
		EN: "A computer for rent in a data centre. Nobody lives there: somebody elsewhere may be passing through it. The country shown is where that machine is. A relay is not the intruder's home."},
	VPN: {
		JA: "VPNやプロキシと呼ばれる、居場所を変えて見せるサービスの出口です。ご自身で使っていることもあります。ここに表示される国は出口のある国で、操作した人がいる場所とは限りません。",
		EN: "The exit of a VPN or proxy, a service that makes people appear elsewhere. You may be using one yourself. The country shown is that of the exit. A relay is not the intruder's home."},
	Relay: {
		JA: "iPhoneなどの「プライベートリレー」のような、ふつうの人がプライバシーのために使う中継です。これだけで怪しいとはいえません。国はおおよそ合っていますが、本人の回線のIPアドレスはわかりません。",
		EN: "A relay that ordinary people use for privacy, such as iCloud Private Relay on an iPhone. It is not suspicious by itself. The country is roughly right; the person's own address is hidden."},
	Tor: {
		JA: "Torという、居場所を隠すための通信網の出口です。ここに表示される国は出口のある国で、操作した人がいる場所とは関係がありません。",
		EN: "An exit of Tor, a network that hides where people are. The country shown is that of the exit and has nothing to do with where the person is."},
	Unknown: {
		JA: "このIPアドレスがどのような回線かは、手元の資料ではわかりません。",
		EN: "Our tables do not tell what kind of line this address belongs to."},
}

var scopeNames = map[Scope]mimamori.Text{
	Private:       {JA: "家庭や会社の中のIPアドレス", EN: "address inside a home or office"},
	SharedNAT:     {JA: "通信事業者の中のIPアドレス", EN: "address inside an operator's network"},
	Loopback:      {JA: "この機械自身のIPアドレス", EN: "this machine itself"},
	LinkLocal:     {JA: "同じ配線の中だけのIPアドレス", EN: "address on one cable only"},
	Documentation: {JA: "説明用のIPアドレス", EN: "example address"},
	Reserved:      {JA: "使われていないIPアドレス", EN: "unused address"},
}

var scopeMeanings = map[Scope]mimamori.Text{
	Private: {
		JA: "家庭や会社の中でだけ使われるIPアドレスです。世界中で同じIPアドレスが使われているため、場所はわかりません。",
		EN: "An address for use inside homes and offices. The same one is used all over the world, so it tells no place."},
	SharedNAT: {
		JA: "通信事業者が自社の網の中でだけ使うIPアドレスです。場所はわかりません。",
		EN: "An address that an operator uses inside its own network. It tells no place."},
	Loopback: {
		JA: "コンピューターが自分自身を指すIPアドレスです。場所はわかりません。",
		EN: "The address by which a computer means itself. It tells no place."},
	LinkLocal: {
		JA: "同じ配線につながった機械どうしでだけ使われるIPアドレスです。場所はわかりません。",
		EN: "An address between machines on one cable. It tells no place."},
	Documentation: {
		JA: "説明書などの例に使われるIPアドレスです。実際の通信には使われません。",
		EN: "An address for examples in texts. Nobody connects from it."},
	Reserved: {
		JA: "一般の通信には使われないIPアドレスです。",
		EN: "An address that ordinary connections do not use."},
}
