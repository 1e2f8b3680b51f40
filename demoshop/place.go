package demoshop

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"slices"
)

// Place is somewhere a visitor of the demo may pretend to be.
type Place struct {
	Key            string
	JA, EN         string
	IP             string
	UserAgent      string
	AcceptLanguage string
}

const (
	uaWindowsChrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	uaWindowsEdge   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
	uaMacSafari     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"
	uaPhone         = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
	uaAndroid       = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
	uaLinuxFirefox  = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	uaLinuxChrome   = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
)

// The two places of each customer's own; their addresses are the account's.
const (
	HomePC = "home-pc"
	Phone  = "phone"
)

// places are what the demo's "sign in from" offers, besides the visitor's own
// connection. The networks are real, so that the look-up of an address shows
// something true; who really has them has nothing to do with the stories.
var places = []Place{
	{HomePC, "自宅のパソコン", "PC at home", "106.72.45.18", uaWindowsChrome, "ja,en-US;q=0.7,en;q=0.3"},
	{Phone, "いつものスマートフォン", "the usual phone", "49.98.141.77", uaPhone, "ja-JP"},
	{"travel", "旅行先のホテル（韓国・新しいスマートフォン）", "hotel abroad (Korea, new phone)", "211.234.120.15", uaAndroid, "ja-JP,ja;q=0.9"},
	{"lagos", "ラゴス（サーバー用の回線）", "Lagos (a hosting network)", "102.217.0.34", uaLinuxChrome, "en-NG,en;q=0.9"},
	{"cloud", "海外のクラウド", "a cloud host abroad", "159.65.122.14", uaLinuxFirefox, "en-US,en;q=0.5"},
	{"tokyo-server", "東京のサーバー用の回線", "a server network in Tokyo", "45.76.100.31", uaLinuxFirefox, "ja,en;q=0.5"},
	{"tokyo-relay", "東京の中継サーバー", "a relay in Tokyo", "138.199.22.20", uaLinuxChrome, "en-US,en;q=0.9"},
	{"other-home", "国内のよその家の回線", "somebody else's home in Japan", "126.72.9.88", uaMacSafari, "ja-JP,ja;q=0.9"},
	{"somalia", "ソマリア", "Somalia", "197.220.84.51", uaAndroid, "en-US,en;q=0.9"},
	{"foreign-home", "海外の家庭用の回線", "a home connection abroad", "113.161.72.9", uaWindowsEdge, "vi-VN,vi;q=0.9,en;q=0.6"},
}

// Places lists the presets of the demo.
func Places() []Place { return slices.Clone(places) }

// PlaceByKey finds a preset.
func PlaceByKey(key string) (Place, bool) {
	i := slices.IndexFunc(places, func(p Place) bool { return p.Key == key })
	if i < 0 {
		return Place{}, false
	}
	return places[i], true
}

// HeaderFrom carries the key of a place in scripts; in a browser the cookie of
// the sign-in page does. Both mean nothing unless Options.Demo is set.
const HeaderFrom = "X-Demo-From"

// HeaderIP and HeaderUserAgent override a place's values in scripts that need
// an address of their own.
const (
	HeaderIP        = "X-Demo-Ip"
	HeaderUserAgent = "X-Demo-User-Agent"
)

const (
	cookieFrom   = "midori_from"
	cookieDevice = "midori_device"
)

// origin is from where a request comes, as the events say it.
type origin struct {
	Place          string // key; empty: the visitor's own connection
	IP             string
	UserAgent      string
	AcceptLanguage string
	Device         string // Mimamori's token
	cookie         string // under which a new token is kept
}

// originOf reads a request. In the demo each place has its device cookie of its
// own: one browser plays the customer and the intruder.
func (s *Shop) originOf(ctx context.Context, r *http.Request, subject, from string) (origin, error) {
	o := origin{IP: s.opt.ClientIP(r), UserAgent: r.UserAgent(), AcceptLanguage: r.Header.Get("Accept-Language"), cookie: cookieDevice}
	p, known := PlaceByKey(from)
	if s.opt.Demo && known {
		o = origin{Place: p.Key, IP: p.IP, UserAgent: p.UserAgent, AcceptLanguage: p.AcceptLanguage, cookie: cookieDevice + "_" + p.Key}
		if p.Key == HomePC || p.Key == Phone {
			o.cookie += "_" + hash(subject)[:8]
			err := s.db.QueryRowContext(ctx, `SELECT ip, user_agent FROM home_place WHERE subject = ? AND place = ?`, subject, p.Key).
				Scan(&o.IP, &o.UserAgent)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return o, err
			}
		}
	}
	if s.opt.Demo {
		if ip := r.Header.Get(HeaderIP); ip != "" {
			o.IP = ip
		}
		if ua := r.Header.Get(HeaderUserAgent); ua != "" {
			o.UserAgent = ua
		}
	}
	if c, err := r.Cookie(o.cookie); err == nil && c.Value != "" {
		o.Device = c.Value
	}
	return o, nil
}

// fromOf is the place that a request claims: header before cookie.
func fromOf(r *http.Request) string {
	if h := r.Header.Get(HeaderFrom); h != "" {
		return h
	}
	if c, err := r.Cookie(cookieFrom); err == nil {
		return c.Value
	}
	return ""
}

func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
