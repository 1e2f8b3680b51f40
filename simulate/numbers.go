package simulate

import (
	"bytes"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"reflect"

	"go.yaml.in/yaml/v3"

	"mimamori"
)

//go:embed parameters.yaml
var parameters []byte

// number is one parameter of the world: its range, where that comes from, and
// the value that this seed drew.
type number struct {
	From   float64 `yaml:"from"`
	To     float64 `yaml:"to"`
	Source string  `yaml:"source"`
	is     float64
}

// numbers are all parameters, in the order of parameters.yaml: the order is
// that of the draws, so a new one goes to the end of its file and of this list.
type numbers struct {
	LoginsPerMonth     number `yaml:"logins_per_month"`
	LoginsSpread       number `yaml:"logins_spread"`
	NewAccounts        number `yaml:"new_accounts"`
	PhoneFirst         number `yaml:"phone_first"`
	IPhoneOfPhones     number `yaml:"iphone_of_phones"`
	SecondBrowser      number `yaml:"second_browser"`
	WrongBeforeLogin   number `yaml:"wrong_before_login"`
	HasFactor          number `yaml:"has_factor"`
	Family             number `yaml:"family"`
	Commuter           number `yaml:"commuter"`
	OfficeLogin        number `yaml:"office_login"`
	OfficeCloudProxy   number `yaml:"office_cloud_proxy"`
	VPNUser            number `yaml:"vpn_user"`
	VPNOnce            number `yaml:"vpn_once"`
	PrivateRelay       number `yaml:"private_relay"`
	TripsPerYear       number `yaml:"trips_per_year"`
	TripOnRoaming      number `yaml:"trip_on_roaming"`
	AddressDays        number `yaml:"address_days"`
	HomeIPv6           number `yaml:"home_ipv6"`
	SharedIPv4         number `yaml:"shared_ipv4"`
	MovesPerYear       number `yaml:"moves_per_year"`
	NewBrowserPerYear  number `yaml:"new_browser_per_year"`
	CookieLost         number `yaml:"cookie_lost"`
	CookieNever        number `yaml:"cookie_never"`
	ShopSetsDevice     number `yaml:"shop_sets_device"`
	TokenAtOnce        number `yaml:"token_at_once"`
	ShopSendsHints     number `yaml:"shop_sends_hints"`
	ShopSendsTLS       number `yaml:"shop_sends_tls"`
	ShopSendsLanguage  number `yaml:"shop_sends_language"`
	ShopReportsUnknown number `yaml:"shop_reports_unknown"`
	ShopTagsPasswords  number `yaml:"shop_tags_passwords"`
	ShopChecksBreaches number `yaml:"shop_checks_breaches"`
	ShopSendsSnapshot  number `yaml:"shop_sends_snapshot"`
	BreachedPassword   number `yaml:"breached_password"`
	OrderInSession     number `yaml:"order_in_session"`
	SeesPerSession     number `yaml:"sees_per_session"`
	SessionKept        number `yaml:"session_kept"`
	SessionMoves       number `yaml:"session_moves"`
	AddressAdded       number `yaml:"address_added"`
	PaymentAdded       number `yaml:"payment_added"`
	ContactChanged     number `yaml:"contact_changed"`
	PasswordChanged    number `yaml:"password_changed"`
	MembershipJoined   number `yaml:"membership_joined"`
	JoinedAndLeft      number `yaml:"joined_and_left"`
	OrderHidden        number `yaml:"order_hidden"`
	DigitalBuyer       number `yaml:"digital_buyer"`
	PointsUsed         number `yaml:"points_used"`
	OrderYen           number `yaml:"order_yen"`
	SaleDays           number `yaml:"sale_days"`
	SaleFactor         number `yaml:"sale_factor"`
	BrokenForms        number `yaml:"broken_forms"`
	BrokenShare        number `yaml:"broken_share"`
	NoisePerLogin      number `yaml:"noise_per_login"`
	NoiseOnKnown       number `yaml:"noise_on_known"`
	Naive              number `yaml:"naive"`
	VPN                number `yaml:"vpn"`
	Targeted           number `yaml:"targeted"`
	VeryTargeted       number `yaml:"very_targeted"`
	AITM               number `yaml:"aitm"`
	SessionTheft       number `yaml:"session_theft"`
	Returns            number `yaml:"returns"`
	ReturnOtherHand    number `yaml:"return_other_hand"`
	VictimNoHistory    number `yaml:"victim_without_history"`
	ExactBrowser       number `yaml:"exact_browser"`
	SpeaksJapanese     number `yaml:"speaks_japanese"`
	DomesticTargeted   number `yaml:"domestic_targeted"`
	LooksOnly          number `yaml:"looks_only"`
	PlacesOrder        number `yaml:"places_order"`
	Noticed            number `yaml:"noticed"`
	NoticedDays        number `yaml:"noticed_days"`
	Judged             number `yaml:"judged"`
	Disputed           number `yaml:"disputed"`
	ShipsHours         number `yaml:"ships_hours"`
	LoudAttempts       number `yaml:"loud_attempts"`
	BotnetAttempts     number `yaml:"botnet_attempts"`
	StealthAttempts    number `yaml:"stealth_attempts"`
	SprayAttempts      number `yaml:"spray_attempts"`
	ListKnown          number `yaml:"list_known"`
	ListSuccess        number `yaml:"list_success"`
	SpraySuccess       number `yaml:"spray_success"`
}

// readNumbers reads the file; every number must have a range and a source.
func readNumbers(file []byte) (numbers, error) {
	var n numbers
	dec := yaml.NewDecoder(bytes.NewReader(file))
	dec.KnownFields(true)
	if err := dec.Decode(&n); err != nil {
		return n, fmt.Errorf("read parameters of the world: %w", err)
	}
	for name, p := range n.each() {
		if p.Source == "" || p.From < 0 || p.To < p.From {
			return n, fmt.Errorf("read parameters of the world: %s lacks a range or a source: %w", name, mimamori.ErrInvalid)
		}
	}
	return n, nil
}

// draw gives each number the value it has in this seed's world.
func (n *numbers) draw(rng *rand.Rand) {
	for _, p := range n.each() {
		p.is = p.From + (p.To-p.From)*rng.Float64()
	}
}

// drawn are the values by name, for the record beside the events.
func (n *numbers) drawn() map[string]float64 {
	out := map[string]float64{}
	for name, p := range n.each() {
		out[name] = p.is
	}
	return out
}

// each walks over the numbers in their order.
func (n *numbers) each() func(yield func(string, *number) bool) {
	return func(yield func(string, *number) bool) {
		v := reflect.ValueOf(n).Elem()
		for i := range v.NumField() {
			if !yield(v.Type().Field(i).Tag.Get("yaml"), v.Field(i).Addr().Interface().(*number)) {
				return
			}
		}
	}
}
