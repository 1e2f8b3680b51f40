package main

import (
	_ "embed"
	"fmt"
	"net/netip"
	"regexp"
	"sort"
	"strings"

	"mimamori/geo"
)

//go:embed operators.tsv
var operatorsFile string

//go:embed networks.tsv
var networksFile string

// operator is one autonomous system as the table will hold it.
type operator struct {
	kind         geo.Kind
	name, nameJA string
}

// readOperators reads operators.tsv; an empty field there is "-".
func readOperators(file string) (map[string]operator, error) {
	list := map[string]operator{}
	for i, f := range rows(file) {
		if len(f) != 4 {
			return nil, fmt.Errorf("operators.tsv: entry %d has %d fields, want 4", i+1, len(f))
		}
		if _, twice := list[f[0]]; twice {
			return nil, fmt.Errorf("operators.tsv: AS%s stands there twice", f[0])
		}
		o := operator{kind: geo.Kind(blank(f[1])), name: blank(f[2]), nameJA: blank(f[3])}
		if o.kind != "" && !o.kind.Valid() {
			return nil, fmt.Errorf("operators.tsv: AS%s: no kind %q", f[0], f[1])
		}
		if o.nameJA == o.name {
			o.nameJA = ""
		}
		list[f[0]] = o
	}
	return list, nil
}

// readNetworks reads networks.tsv into spans of IPv4 and of IPv6.
func readNetworks(file string) (v4, v6 []span, err error) {
	for i, f := range rows(file) {
		if len(f) != 3 || !geo.Kind(f[1]).Valid() {
			return nil, nil, fmt.Errorf("networks.tsv: entry %d is not network, kind, reason", i+1)
		}
		p, err := netip.ParsePrefix(f[0])
		if err != nil {
			return nil, nil, fmt.Errorf("networks.tsv: %w", err)
		}
		s := span{first: unit(p.Masked().Addr()), value: f[1]}
		if p.Addr().Is4() {
			s.last = s.first + 1<<(32-p.Bits()) - 1
			v4 = append(v4, s)
		} else {
			s.last = s.first + 1<<max(48-p.Bits(), 0) - 1
			v6 = append(v6, s)
		}
	}
	for _, list := range [][]span{v4, v6} {
		sort.Slice(list, func(i, j int) bool { return list[i].first < list[j].first })
	}
	return v4, v6, nil
}

func rows(file string) [][]string {
	var list [][]string
	for line := range strings.Lines(file) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && line[0] != '#' {
			list = append(list, strings.Split(line, "\t"))
		}
	}
	return list
}

func blank(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// The words in an operator's name that tell its kind, when operators.tsv does
// not. First of all the names where such a word misleads.
var (
	misleading = regexp.MustCompile(`(?i)universi|college|school|academ|education|hospital|hostel|county|church|colombia|colorado|cologne|automobil|observer|conserv|st\. cloud|mccloud|exxon|supercomput`)
	torWords   = regexp.MustCompile(`(?i)erneuerbare freiheit|applied privacy|emerald onion|calyx institute|artikel10|zwiebelfreunde|nos oignons|f3 netze|tor exit`)
	vpnWords   = regexp.MustCompile(`(?i)\bvpn\b|vpn[. ]|[a-z]vpn\b|\bproxy|proxy\b|mullvad|nordvpn|surfshark|packethub|private internet access|m247|datacamp|cyberzone|oxylabs|code200|proton ag|strong technology|private layer|ivacy|windscribe|expressvpn`)
	hostWords  = regexp.MustCompile(`(?i)host|cloud|server|\bvps|vps\b|dedicated|data ?cent(er|re)|datacenter|\bidcs?\b|\bcolo\b|colocation|coloc|zcolo|rackspace|bare ?metal|\bcdn\b|content delivery|leaseweb|digitalocean|linode|vultr|ovh\b|hetzner|contabo|equinix|alibaba|tencent|ucloud|zenlayer|domain name|registrar|web ?services|\bxtom\b|virtual machine|computing|liquid web|limestone net|aruba|strato\b|xneelo|home\.pl|glesys|new dream network|^network solutions|webzilla|voxility|netactuate|kamatera|gigenet|turnkey internet|quickpacket|webnx|krypt tech|reliablesite|flokinet|teraswitch|latitude\.sh|nuclearfallout|edis gmbh|scaleway|selectel|godaddy|uk-2|webair|firstcolo|keyweb|quadranet|novoserve|amanah|psychz|peg tech|3xk tech|core-backbone|zomro|heart internet|nazwa|greencloud|green floid|melbikomas|biterika|masterdc|cleura|sysel?even|wiit\b|ipxo|zayo managed|akamai`)
	mobileWord = regexp.MustCompile(`(?i)\bmobiles?\b|t-mobile|\bmobil\b|cellular|celular|\bgsm\b|\blte\b|m[oó]vil|moviles|mobinil|digicel|\bmtn\b|hutchison 3g|\b[345]g\b|vodacom|safaricom|orange mali|hormuud|telesom|somtel|\bgolis\b|telekomunikasi selular|xl axiata|smartfren|turkcell|mobily|megafon|vimpelcom|kyivstar|lifecell|beeline|etisalat misr`)
	lineWords  = regexp.MustCompile(`(?i)tele|communic|comunica|broadband|internet|net\b|network|fib(er|re|ra)|cable|\bcatv\b|\bisp\b|wireless|wi-?fi|provedor|universi|college|school|academ|education|instit|government|ministry|municip|city of|bank|hospital|online|link\b|\bcom\b|rede|redes|provider|satel|electric co`)
)

// enoughForALine is how many IPv4 addresses let an operator that no word
// describes pass as one that connects people: a /19.
const enoughForALine = 8192

// kindOf guesses an operator's kind by its name and size. Unknown is better
// than a wrong guess: it weighs nothing.
func kindOf(name string, v4addresses uint64) geo.Kind {
	if torWords.MatchString(name) {
		return geo.Tor
	}
	if !misleading.MatchString(name) {
		switch {
		case vpnWords.MatchString(name):
			return geo.VPN
		case hostWords.MatchString(name):
			return geo.Hosting
		case mobileWord.MatchString(name):
			return geo.Mobile
		}
	}
	if lineWords.MatchString(name) || v4addresses >= enoughForALine {
		return geo.Access
	}
	return geo.Unknown
}

// legal is what a company's name ends in and nobody says aloud.
var legal = regexp.MustCompile(`(?i)[\s,]+((co\.?,? ?)?(ltd|limited|inc|incorporated|llc|l\.l\.c|gmbh|s\.?a\.?|s\.?a\.?s|s\.?r\.?l|s\.?p\.?a|b\.?v|n\.?v|ab|a/s|aps|oy|kft|d\.o\.o|sp\. z o\.o|corp|corporation|plc|pty|pvt|\(pty\) ltd|k\.k|s\.a\. de c\.v|ltda|bhd|sdn bhd|ag|kg|& co|& co\.? ?kg|company|jsc|pjsc|ooo|as|tbk)\.?)$`)

// shortName takes the legal form off a name, unless nothing would be left.
func shortName(name string) string {
	for {
		cut := strings.TrimRight(legal.ReplaceAllString(name, ""), " ,")
		if cut == name || len(cut) < 3 {
			break
		}
		name = cut
	}
	return clip(name, 80)
}

// clip shortens s to at most n bytes at the end of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return strings.TrimSpace(s[:n])
}
