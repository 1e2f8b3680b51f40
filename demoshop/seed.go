package demoshop

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"mimamori/client"
)

// SeedOptions say how much ordinary life to make. Zero values: 30 customers, 60
// days, seed 1; Until is required.
type SeedOptions struct {
	Customers int
	Days      int
	Until     time.Time
	Seed      uint64
}

// Customer is a seeded customer, with what is needed to sign in.
type Customer struct {
	Subject, Name, Mail, Phone, Password string
	CardNumber                           string // kept nowhere; empty but for the two of the stories
}

// ErrSeeded means that the database has customers already.
var ErrSeeded = errors.New("the shop has customers already")

// The two customers of the stories. Their cards are numbers that card companies
// publish for tests.
const (
	Hanako = "hanako" // the night story
	Taro   = "taro"   // the mall story
)

// SeededCustomers lists who Seed makes, without making them.
func SeededCustomers(opt SeedOptions) []Customer {
	seedDefaults(&opt)
	var all []Customer
	for i := range opt.Customers {
		all = append(all, newPersona(i, opt).Customer)
	}
	return all
}

func seedDefaults(opt *SeedOptions) {
	if opt.Customers == 0 {
		opt.Customers = 30
	}
	if opt.Days == 0 {
		opt.Days = 60
	}
	if opt.Seed == 0 {
		opt.Seed = 1
	}
	opt.Until = opt.Until.UTC().Truncate(time.Second)
}

// Seed fills an empty shop with customers and their ordinary life up to Until:
// the same for the same options, but for the salts of passwords. What the shop
// would have reported meanwhile is read with History.
func (s *Shop) Seed(ctx context.Context, opt SeedOptions) ([]Customer, error) {
	seedDefaults(&opt)
	if opt.Until.IsZero() {
		return nil, errors.New("seed the shop: Until is missing")
	}
	var customers []Customer
	var lives []*life
	for i := range opt.Customers {
		p := newPersona(i, opt)
		l := &life{shop: s, p: p, opt: opt}
		l.live()
		var err error
		if l.hash, err = hashPassword(p.Password, s.opt.Cost); err != nil {
			return nil, fmt.Errorf("seed the shop: %w", err)
		}
		customers, lives = append(customers, p.Customer), append(lives, l)
	}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account`).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return ErrSeeded
		}
		var events []client.Event
		for _, l := range lives {
			if err := l.write(ctx, tx); err != nil {
				return fmt.Errorf("%s: %w", l.p.Subject, err)
			}
			events = append(events, l.events...)
		}
		slices.SortStableFunc(events, func(a, b client.Event) int { return a.Time.Compare(b.Time) })
		for _, e := range events {
			if err := writeEvent(ctx, tx, e, "history"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("seed the shop: %w", err)
	}
	return customers, nil
}

// History writes what the seeded past would have been as events, one a line in
// the order of time, for POST /v1/imports.
func (s *Shop) History(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	lines, err := rows(ctx, s.db, one[string], `SELECT body FROM event WHERE state = 'history' ORDER BY at, seq`)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	for _, l := range lines {
		if _, err := out.WriteString(l + "\n"); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
	}
	return out.Flush()
}

// persona is a seeded customer's habits.
type persona struct {
	Customer
	rng        *rand.Rand
	ids        int
	registered time.Time
	homeNet    string // first three numbers of the address at home
	phoneNet   string
	home       origin
	phone      origin
	hour       int     // of the day in Japan when she usually comes
	often      float64 // sign-ins a day
	points     int64   // at the end; 0: as it comes
	address    map[string]any
	premium    bool
}

var (
	homeNets  = []string{"106.72.45", "153.240.3", "126.72.0", "106.72.46", "153.240.4", "126.72.1", "106.73.12", "153.241.8"}
	phoneNets = []string{"49.98.141", "49.98.142", "1.75.210", "1.75.211", "49.98.160"}
	homeUAs   = []string{uaWindowsChrome, uaWindowsEdge, uaMacSafari, uaWindowsChrome}
	phoneUAs  = []string{uaPhone, uaPhone, uaAndroid}
	surnames  = strings.Fields("佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 清水")
	givens    = strings.Fields("陽子 健 美咲 翔 由美 誠 直子 大輔 恵 拓也 久美子 学 千春 亮 真理 豊 沙織 修 香織 進")
	romaji    = strings.Fields("yoko ken misaki sho yumi makoto naoko daisuke megumi takuya kumiko manabu chiharu ryo mari yutaka saori osamu kaori susumu")
	towns     = []struct{ postal, prefecture, line string }{
		{"150-0041", "東京都", "渋谷区神南1-2-"}, {"220-0012", "神奈川県", "横浜市西区みなとみらい3-4-"}, {"530-0001", "大阪府", "大阪市北区梅田2-5-"},
		{"460-0008", "愛知県", "名古屋市中区栄3-1-"}, {"810-0001", "福岡県", "福岡市中央区天神1-8-"}, {"060-0042", "北海道", "札幌市中央区大通西4-"},
		{"980-0811", "宮城県", "仙台市青葉区一番町2-3-"}, {"604-8006", "京都府", "京都市中京区河原町5-"},
	}
	words = strings.Fields("asagao kingyo kujira ramune tsubame donguri hotaru yukata mikan sudachi kawauso tanpopo kaminari hayabusa yamabiko suiren")
)

func newPersona(i int, opt SeedOptions) *persona {
	r := rand.New(rand.NewPCG(opt.Seed, uint64(i)+1))
	given := i % len(givens)
	p := &persona{rng: r, hour: 7 + r.IntN(15), often: 0.25 + r.Float64()*0.6}
	p.Subject = fmt.Sprintf("%s%02d", romaji[given], i)
	p.Name = surnames[r.IntN(len(surnames))] + " " + givens[given]
	p.Password = fmt.Sprintf("%s-%s-%d", pick(r, words), pick(r, words), 10+r.IntN(90))
	p.registered = opt.Until.AddDate(0, 0, -(200 + r.IntN(2000))).Truncate(time.Minute)
	p.homeNet, p.phoneNet = homeNets[(i*5+3)%len(homeNets)], pick(r, phoneNets)
	p.home = origin{IP: fmt.Sprintf("%s.%d", p.homeNet, 2+r.IntN(250)), UserAgent: pick(r, homeUAs), AcceptLanguage: "ja,en-US;q=0.7,en;q=0.3"}
	p.phone = origin{IP: fmt.Sprintf("%s.%d", p.phoneNet, 2+r.IntN(250)), UserAgent: pick(r, phoneUAs), AcceptLanguage: "ja-JP"}
	town := towns[r.IntN(len(towns))]
	p.Phone = fmt.Sprintf("+8190%08d", 10000000+r.IntN(80000000))
	p.premium = r.IntN(4) == 0
	switch i {
	case 0: // the night story
		p.Subject, p.Name, p.Password, p.CardNumber = Hanako, "山田 花子", "asagao-kingyo-7", "4242424242424242"
		p.home.IP, p.home.UserAgent, p.homeNet = places[0].IP, places[0].UserAgent, "106.72.45"
		p.phone.IP, p.phone.UserAgent, p.phoneNet = places[1].IP, places[1].UserAgent, "49.98.141"
		p.Phone, p.hour, p.often, p.premium, town = "+819012345678", 21, 0.9, false, towns[0]
		p.registered = opt.Until.AddDate(-3, 0, -12).Truncate(time.Minute)
	case 1: // the mall story
		p.Subject, p.Name, p.Password, p.CardNumber = Taro, "鈴木 太郎", "kujira-ramune-31", "3566002020360505"
		p.home.IP, p.home.UserAgent, p.homeNet = "153.240.3.77", uaWindowsEdge, "153.240.3"
		p.Phone, p.points, p.hour, p.premium, town = "+819087654321", 12800, 20, false, towns[1]
		p.registered = opt.Until.AddDate(-6, 0, -3).Truncate(time.Minute)
	}
	p.Mail = p.Subject + "@mail.example"
	p.address = map[string]any{"recipient": p.Name, "postal_code": town.postal, "prefecture": town.prefecture,
		"line": fmt.Sprintf("%s%d", town.line, 1+r.IntN(30)), "country": "JP"}
	return p
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// id is a fresh one of this customer's, the same at every seeding.
func (p *persona) id(prefix string) string {
	p.ids++
	return fmt.Sprintf("%s_%s%04d", prefix, p.Subject, p.ids)
}

// number makes a card number that passes the check digit.
func (p *persona) number() string {
	if p.CardNumber != "" {
		return p.CardNumber
	}
	n := pick(p.rng, []string{"4", "51", "35"})
	for len(n) < 15 {
		n += fmt.Sprint(p.rng.IntN(10))
	}
	for d := range 10 {
		if c := n + fmt.Sprint(d); luhn(c) {
			return c
		}
	}
	return n
}

// ImportHistory sends the history to Mimamori; it goes on where an earlier try
// of the same name stopped.
func (s *Shop) ImportHistory(ctx context.Context, name string) (client.ImportStatus, error) {
	return s.mimamori.Import(ctx, name, func() (io.ReadCloser, error) {
		var all bytes.Buffer
		err := s.History(ctx, &all)
		return io.NopCloser(&all), err
	})
}
